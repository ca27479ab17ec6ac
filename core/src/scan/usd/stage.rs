//! The scene that the layers of a package describe together: prims with the opinions of all layers
//! on them, strongest first.
//!
//! A prim is composed of what its layer and its sublayers say, its selected variants, and what it
//! inherits and references; each of these adds opinions behind those that are there, which is the
//! order of OpenUSD but for its rarest cases. Materials are looked up in the layer that binds them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use super::{
    layer::{Arc, Budget, Fields, Layer, MAX_DEPTH, MAX_ITEMS, Numbers, Path, Raw, Specifier},
    malformed,
    package::{Package, shown},
};
use crate::scan::{ReadError, Warning};

/// How deeply layers may need each other before a prim is found.
const MAX_NESTED: usize = 16;

/// The number of prims that every file may show, and how many bytes of it each further one needs.
const FREE_PRIMS: usize = 20_000;
const BYTES_PER_PRIM: usize = 4;

/// The most names that a warning lists.
const LISTED: usize = 5;

/// A prim of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opinion {
    layer: usize,
    prim: u32,
}

/// A composed prim.
#[derive(Clone)]
pub(super) struct Prim {
    pub(super) name: Rc<str>,
    opinions: Vec<Opinion>,
}

/// The layers of a package that were needed so far, the root layer first.
pub(super) struct Stage<'p, 'a> {
    pub(super) package: &'p Package<'a>,
    pub(super) budget: Budget,
    layers: Vec<Rc<Layer<'a>>>,
    /// `(layers)`: the file of each.
    files: Vec<usize>,
    layer_of_file: HashMap<usize, usize>,
    /// The number of prims that may still be composed.
    left: usize,
    nested: usize,
    /// Files that are not there.
    missing: BTreeSet<String>,
    /// Prims that are composed of prims that are not there, or of themselves.
    unresolved: BTreeSet<String>,
    /// The number of values that change over time.
    pub(super) sampled: usize,
}

impl<'p, 'a> Stage<'p, 'a> {
    pub(super) fn open(package: &'p Package<'a>) -> Result<Self, ReadError> {
        let mut stage = Self {
            package,
            budget: Budget::new(package.size),
            layers: Vec::new(),
            files: Vec::new(),
            layer_of_file: HashMap::new(),
            left: FREE_PRIMS + package.size / BYTES_PER_PRIM,
            nested: 0,
            missing: BTreeSet::new(),
            unresolved: BTreeSet::new(),
            sampled: 0,
        };
        stage.load(package.root)?;
        Ok(stage)
    }

    /// The number of the layer in a file.
    fn load(&mut self, file: usize) -> Result<usize, ReadError> {
        if let Some(layer) = self.layer_of_file.get(&file) {
            return Ok(*layer);
        }
        let path = self.package.path(file);
        let layer = self
            .package
            .data(file)
            .map_err(malformed)
            .and_then(Layer::read);
        let layer = layer.map_err(|error| match error {
            ReadError::Malformed { problem, .. } if file != self.package.root => {
                malformed(format!("`{}`: {problem}", shown(path)))
            }
            other => other,
        })?;
        let number = self.layers.len();
        self.layers.push(Rc::new(layer));
        self.files.push(file);
        self.layer_of_file.insert(file, number);
        Ok(number)
    }

    /// The file that an asset path in a layer means; a file that is not there is remembered.
    pub(super) fn file(&mut self, layer: usize, asset: &str) -> Option<usize> {
        let found = self.package.resolve(self.files[layer], asset);
        if found.is_none() && self.missing.len() < MAX_ITEMS {
            self.missing.insert(shown(asset));
        }
        found
    }

    /// A layer and those that it is laid upon, strongest first.
    fn stack(&mut self, layer: usize) -> Result<Vec<usize>, ReadError> {
        let mut stack = vec![layer];
        let mut at = 0;
        while let Some(&layer) = stack.get(at) {
            at += 1;
            let own = self.layers[layer].clone();
            let below = own.field(&own.prims[0].fields, "subLayers").map(Raw::words);
            for asset in below.transpose()?.unwrap_or_default() {
                let Some(file) = self.file(layer, &asset) else {
                    continue;
                };
                let layer = self.load(file)?;
                if !stack.contains(&layer) && stack.len() < MAX_ITEMS {
                    stack.push(layer);
                }
            }
        }
        Ok(stack)
    }

    /// The root of the scene.
    pub(super) fn root(&mut self) -> Result<Prim, ReadError> {
        self.root_of(0)
    }

    fn root_of(&mut self, layer: usize) -> Result<Prim, ReadError> {
        let opinions = self.stack(layer)?;
        let opinions = opinions.into_iter().map(|layer| Opinion { layer, prim: 0 });
        Ok(Prim {
            name: "".into(),
            opinions: opinions.collect(),
        })
    }

    /// The prims below a prim.
    pub(super) fn children(&mut self, prim: &Prim) -> Result<Vec<Prim>, ReadError> {
        let mut place_of: BTreeMap<Rc<str>, usize> = BTreeMap::new();
        let mut children: Vec<Prim> = Vec::new();
        for opinion in &prim.opinions {
            let layer = self.layers[opinion.layer].clone();
            for child in &layer.prims[opinion.prim as usize].children {
                let name = &layer.prims[*child as usize].name;
                let place = *place_of.entry(name.clone()).or_insert(children.len());
                if place == children.len() {
                    self.count()?;
                    children.push(Prim {
                        name: name.clone(),
                        opinions: Vec::new(),
                    });
                }
                children[place].opinions.push(Opinion {
                    layer: opinion.layer,
                    prim: *child,
                });
            }
        }
        for child in &mut children {
            self.compose(child)?;
        }
        Ok(children)
    }

    fn count(&mut self) -> Result<(), ReadError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            malformed(format!(
                "its references show more than {} prims, which is the limit for a file of its size",
                FREE_PRIMS + self.package.size / BYTES_PER_PRIM
            ))
        })?;
        Ok(())
    }

    /// Adds the opinions of variants, inheritance, references and payloads.
    fn compose(&mut self, prim: &mut Prim) -> Result<(), ReadError> {
        let mut at = 0;
        while let Some(&opinion) = prim.opinions.get(at) {
            at += 1;
            let layer = self.layers[opinion.layer].clone();
            let own = &layer.prims[opinion.prim as usize];
            let arcs = |key: &str| -> Result<Vec<Arc>, ReadError> {
                let lists = layer.fields(&own.fields, key);
                let lists: Result<Vec<_>, _> = lists.into_iter().map(Raw::arcs).collect();
                Ok(lists?.concat())
            };
            for arc in arcs("inheritPaths")? {
                self.follow(prim, opinion, &arc)?;
            }
            for variant in &own.variants {
                if self.selected(prim, &variant.set)?.as_ref() == Some(&variant.name) {
                    prim.add(Opinion {
                        prim: variant.prim,
                        ..opinion
                    });
                }
            }
            for arc in [arcs("references")?, arcs("payload")?, arcs("specializes")?].concat() {
                self.follow(prim, opinion, &arc)?;
            }
            if prim.opinions.len() > MAX_ITEMS {
                return Err(malformed(format!(
                    "the prim `{}` is composed of more than {MAX_ITEMS} prims",
                    shown(&prim.name)
                )));
            }
        }
        Ok(())
    }

    /// The name of the variant that is selected in a set.
    fn selected(&self, prim: &Prim, set: &str) -> Result<Option<Rc<str>>, ReadError> {
        for opinion in &prim.opinions {
            let layer = &self.layers[opinion.layer];
            let fields = &layer.prims[opinion.prim as usize].fields;
            let Some(raw) = layer.field(fields, "variantSelection") else {
                continue;
            };
            let selections = raw.selections()?;
            if let Some((_, name)) = selections.into_iter().find(|(own, _)| **own == *set) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Adds the opinions on the prim that an arc leads to.
    fn follow(&mut self, prim: &mut Prim, from: Opinion, arc: &Arc) -> Result<(), ReadError> {
        self.count()?;
        let layer = match &arc.asset {
            None => from.layer,
            Some(asset) => match self.file(from.layer, asset) {
                None => return Ok(()),
                Some(file) => self.load(file)?,
            },
        };
        let target = arc.path.clone().or_else(|| self.default_prim(layer));
        let mut is_found = false;
        if let Some(target) = &target {
            for layer in self.stack(layer)? {
                let Some(found) = self.layers[layer].find(target) else {
                    continue;
                };
                let opinion = Opinion { layer, prim: found };
                if !self.holds(opinion, from) {
                    prim.add(opinion);
                    is_found = true;
                }
            }
            if !is_found && let Some(found) = self.find(layer, target)? {
                is_found = !found
                    .opinions
                    .iter()
                    .any(|opinion| self.holds(*opinion, from));
                if is_found {
                    found
                        .opinions
                        .into_iter()
                        .for_each(|opinion| prim.add(opinion));
                }
            }
        }
        if !is_found && self.unresolved.len() < MAX_ITEMS {
            self.unresolved.insert(shown(&prim.name));
        }
        Ok(())
    }

    /// The prim that a layer is for.
    fn default_prim(&self, layer: usize) -> Option<Path> {
        let layer = &self.layers[layer];
        let name = layer.field(&layer.prims[0].fields, "defaultPrim")?.word()?;
        let names = name.split('/').filter(|name| !name.is_empty());
        Some(Path {
            prims: names.take(MAX_DEPTH).map(Into::into).collect(),
            property: None,
        })
    }

    /// `true` if a prim is another one, or one that it is in.
    fn holds(&self, outer: Opinion, inner: Opinion) -> bool {
        let prims = &self.layers[inner.layer].prims;
        let mut at = inner.prim;
        for _ in 0..2 * MAX_DEPTH {
            if (inner.layer, at) == (outer.layer, outer.prim) {
                return true;
            }
            if at == 0 {
                return false;
            }
            at = prims[at as usize].parent;
        }
        true
    }

    /// The composed prim at a path of a layer.
    fn find(&mut self, layer: usize, path: &Path) -> Result<Option<Prim>, ReadError> {
        if self.nested >= MAX_NESTED || path.prims.len() > MAX_DEPTH {
            return Ok(None);
        }
        self.nested += 1;
        let mut found = Some(self.root_of(layer)?);
        for name in &path.prims {
            let Some(prim) = found.take() else {
                break;
            };
            self.count()?;
            let mut child = Prim {
                name: name.clone(),
                opinions: Vec::new(),
            };
            for opinion in &prim.opinions {
                let layer = opinion.layer;
                if let Some(prim) = self.layers[layer].child(opinion.prim, name) {
                    child.opinions.push(Opinion { layer, prim });
                }
            }
            self.compose(&mut child)?;
            found = Some(child).filter(|child| !child.opinions.is_empty());
        }
        self.nested -= 1;
        Ok(found)
    }

    /// The first value that `read` makes of the opinions on a prim, with its layer.
    fn first<T>(
        &self,
        prim: &Prim,
        mut read: impl FnMut(&Layer<'a>, Opinion) -> Result<Option<T>, ReadError>,
    ) -> Result<Option<(T, usize)>, ReadError> {
        for opinion in &prim.opinions {
            if let Some(found) = read(&self.layers[opinion.layer], *opinion)? {
                return Ok(Some((found, opinion.layer)));
            }
        }
        Ok(None)
    }

    /// A field of a property, by the first opinion that has it.
    fn field<T>(
        &self,
        prim: &Prim,
        property: &str,
        key: &str,
        mut read: impl FnMut(Raw<'_, 'a>) -> Result<Option<T>, ReadError>,
    ) -> Result<Option<(T, usize)>, ReadError> {
        self.first(prim, |layer, opinion| {
            let fields = layer.prims[opinion.prim as usize].properties.get(property);
            let raw = fields.and_then(|fields| layer.field(fields, key));
            raw.map_or(Ok(None), &mut read)
        })
    }

    /// The value of an attribute: its own, or the first of those that change over time.
    fn value<T>(
        &mut self,
        prim: &Prim,
        property: &str,
        mut read: impl FnMut(Raw<'_, 'a>, &Budget) -> Result<Option<T>, ReadError>,
    ) -> Result<Option<(T, usize)>, ReadError> {
        let mut sampled = 0;
        let budget = &self.budget;
        let found = self.first(prim, |layer, opinion| {
            let Some(fields) = layer.prims[opinion.prim as usize].properties.get(property) else {
                return Ok(None);
            };
            if let Some(raw) = layer
                .field(fields, "default")
                .filter(|raw| !raw.is_blocked())
            {
                return read(raw, budget);
            }
            let samples = layer.field(fields, "timeSamples");
            match samples.map_or(Ok(None), Raw::first_sample)? {
                None => Ok(None),
                Some(raw) if raw.is_blocked() => Ok(None),
                Some(raw) => {
                    sampled += 1;
                    read(raw, budget)
                }
            }
        })?;
        self.sampled += sampled;
        Ok(found)
    }

    /// The numbers of an attribute.
    pub(super) fn numbers(
        &mut self,
        prim: &Prim,
        property: &str,
    ) -> Result<Option<Numbers<'a>>, ReadError> {
        let found = self.value(prim, property, |raw, budget| raw.numbers(budget))?;
        Ok(found.map(|(numbers, _)| numbers))
    }

    /// The first numbers of an attribute that has at least `N`.
    pub(super) fn vector<const N: usize>(
        &mut self,
        prim: &Prim,
        property: &str,
    ) -> Result<Option<[f64; N]>, ReadError> {
        let numbers = self.numbers(prim, property)?;
        let numbers = numbers.filter(|numbers| numbers.width >= N && numbers.count() > 0);
        Ok(numbers.map(|numbers| std::array::from_fn(|k| numbers.at(0, k))))
    }

    /// A token, a string or an asset path of an attribute, with the layer that has it.
    pub(super) fn word(
        &mut self,
        prim: &Prim,
        property: &str,
    ) -> Result<Option<(Rc<str>, usize)>, ReadError> {
        self.value(prim, property, |raw, _| Ok(raw.word()))
    }

    /// The words of an attribute.
    pub(super) fn words(&mut self, prim: &Prim, property: &str) -> Result<Vec<Rc<str>>, ReadError> {
        let found = self.value(prim, property, |raw, _| raw.words().map(Some))?;
        Ok(found.map(|(words, _)| words).unwrap_or_default())
    }

    /// How the values of an attribute are spread over a mesh, as its remark says.
    pub(super) fn interpolation(
        &self,
        prim: &Prim,
        property: &str,
    ) -> Result<Option<Rc<str>>, ReadError> {
        let found = self.field(prim, property, "interpolation", |raw| Ok(raw.word()))?;
        Ok(found.map(|(word, _)| word))
    }

    /// The layer and the path that a relationship or a connection leads to.
    pub(super) fn target(
        &self,
        prim: &Prim,
        property: &str,
        key: &str,
    ) -> Result<Option<(usize, Path)>, ReadError> {
        let found = self.field(prim, property, key, |raw| raw.path())?;
        Ok(found.map(|(path, layer)| (layer, path)))
    }

    /// The composed prim at a path that a layer names.
    pub(super) fn prim_at(&mut self, layer: usize, path: &Path) -> Result<Option<Prim>, ReadError> {
        self.find(layer, path)
    }

    /// A field of a prim itself.
    fn own<T>(
        &self,
        prim: &Prim,
        key: &str,
        mut read: impl FnMut(Raw<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        prim.opinions.iter().find_map(|opinion| {
            let layer = &self.layers[opinion.layer];
            let fields: &Fields = &layer.prims[opinion.prim as usize].fields;
            layer.field(fields, key).and_then(&mut read)
        })
    }

    /// `false` if the prim and all below it were switched off.
    pub(super) fn is_active(&self, prim: &Prim) -> bool {
        self.own(prim, "active", |raw| raw.flag()).unwrap_or(true)
    }

    /// A word of the remarks of a prim.
    pub(super) fn remark(&self, prim: &Prim, key: &str) -> Option<Rc<str>> {
        self.own(prim, key, |raw| raw.word())
    }

    /// A number of the remarks of a prim.
    pub(super) fn remark_number(&self, prim: &Prim, key: &str) -> Option<f64> {
        self.own(prim, key, |raw| {
            let numbers = raw.numbers(&self.budget).ok()??;
            (numbers.count() > 0).then(|| numbers.at(0, 0))
        })
    }

    /// The name of the type of a prim; may be empty.
    pub(super) fn kind(&self, prim: &Prim) -> Rc<str> {
        let mut kinds = prim.opinions.iter().map(|opinion| {
            let layer = &self.layers[opinion.layer];
            &layer.prims[opinion.prim as usize].kind
        });
        let kind = kinds.find(|kind| !kind.is_empty()).cloned();
        kind.unwrap_or_else(|| "".into())
    }

    /// `true` if the prim is there, rather than only described.
    pub(super) fn is_defined(&self, prim: &Prim) -> bool {
        let specifiers = prim
            .opinions
            .iter()
            .map(|opinion| self.layers[opinion.layer].prims[opinion.prim as usize].specifier);
        let mut specifiers = specifiers.filter(|specifier| *specifier != Specifier::Over);
        specifiers.next() == Some(Specifier::Def)
    }

    /// Says what was needed and not found.
    pub(super) fn warn(&self, warnings: &mut Vec<Warning>) {
        let list = |names: &BTreeSet<String>| {
            let mut list = (names.iter().take(LISTED))
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ");
            if names.len() > LISTED {
                list.push_str(&format!(" and {} more", names.len() - LISTED));
            }
            list
        };
        if !self.missing.is_empty() {
            warnings.push(Warning(format!(
                "what is in {} was left out, because it is not in this file; USDZ packages hold all",
                list(&self.missing)
            )));
        }
        if !self.unresolved.is_empty() {
            warnings.push(Warning(format!(
                "the prims {} refer to prims that are not there, or that they are in; these references were left out",
                list(&self.unresolved)
            )));
        }
        if self.sampled > 0 {
            warnings.push(Warning(format!(
                "{} values change over time; the first of each was taken",
                self.sampled
            )));
        }
    }
}

impl Prim {
    fn add(&mut self, opinion: Opinion) {
        if !self.opinions.contains(&opinion) {
            self.opinions.push(opinion);
        }
    }
}
