//! Small USD files of every kind: an archive, a layer as text, and a crate file whose sections can be
//! changed one by one.

/// An archive whose files are stored as they are.
pub(super) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let half = |v: usize| (v as u16).to_le_bytes();
    let word = |v: usize| (v as u32).to_le_bytes();
    let (mut bytes, mut table) = (Vec::new(), Vec::new());
    for (name, data) in files {
        // version, flags, method, time, date, checksum, sizes
        let common = [
            &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &word(0),
            &word(data.len()),
            &word(data.len()),
            &half(name.len()),
            &half(0),
        ]
        .concat();
        table.extend(
            [
                b"PK\x01\x02\x0a\0",
                &common[..],
                &[0; 10],
                &word(bytes.len()),
            ]
            .concat(),
        );
        table.extend(name.as_bytes());
        bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes(), data].concat());
    }
    let (start, size, count) = (bytes.len(), table.len(), half(files.len()));
    let end = [
        b"PK\x05\x06\0\0\0\0",
        &count[..],
        &count,
        &word(size),
        &word(start),
        &[0; 2],
    ];
    [bytes, table, end.concat()].concat()
}

/// Two triangles of four vertices.
pub(super) const TEXT: &str = r#"#usda 1.0
(
    "made by hand"
    defaultPrim = "Root"
    metersPerUnit = 0.5
    upAxis = "Z"
)

def Xform "Root" (
    kind = "component"
)
{
    def Mesh "M"
    {
        int[] faceVertexCounts = [3, 3]
        int[] faceVertexIndices = [0, 1, 2, 0, 2, 3]
        point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
    }
}
"#;

/// The end of a set of fields.
pub(super) const END: u32 = u32::MAX;

/// Marks of a value: it is an array, it is its own place, it is compressed.
pub(super) const ARRAY: u64 = 1 << 63;
pub(super) const INLINED: u64 = 1 << 62;
pub(super) const COMPRESSED: u64 = 1 << 61;

/// A value of a kind.
pub(super) const fn rep(kind: u64, payload: u64) -> u64 {
    kind << 48 | payload
}

/// The sections of a crate file with the two triangles of [`TEXT`], and colors.
pub(super) struct Model {
    pub(super) version: [u8; 3],
    /// Those that begin at byte 88: points, numbers of corners, corners, colors.
    pub(super) values: Vec<u8>,
    pub(super) tokens: Vec<String>,
    /// Names and values: 4 to 7 are the arrays.
    pub(super) fields: Vec<(u32, u64)>,
    pub(super) sets: Vec<u32>,
    /// Number, token and jump of each.
    pub(super) paths: Vec<[i32; 3]>,
    /// Path, set of fields and kind of each.
    pub(super) specs: Vec<[u32; 3]>,
}

/// Where the arrays of [`Model`] are.
pub(super) const POINTS: u64 = 88;
pub(super) const COUNTS: u64 = POINTS + 8 + 48;
pub(super) const CORNERS: u64 = COUNTS + 8 + 8;
pub(super) const COLORS: u64 = CORNERS + 8 + 24;
pub(super) const MORE: u64 = COLORS + 8 + 48;

impl Default for Model {
    fn default() -> Self {
        let array = |count: u64, items: Vec<u8>| [count.to_le_bytes().to_vec(), items].concat();
        let floats = |values: [f32; 12]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let integers = |values: &[i32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let points = floats([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        let colors = floats([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.5]);
        let tokens = [
            "",
            "M",
            "points",
            "faceVertexCounts",
            "faceVertexIndices",
            "primvars:displayColor",
            "specifier",
            "typeName",
            "Mesh",
            "default",
            "upAxis",
            "Z",
            "metersPerUnit",
            "interpolation",
            "vertex",
        ];
        Self {
            version: [0, 8, 0],
            values: [
                array(4, points),
                array(2, integers(&[3, 3])),
                array(6, integers(&[0, 1, 2, 0, 2, 3])),
                array(4, colors),
            ]
            .concat(),
            tokens: tokens.map(str::to_owned).into(),
            fields: vec![
                (10, INLINED | rep(11, 11)),
                (12, INLINED | rep(9, u64::from(0.5f32.to_bits()))),
                (6, INLINED | rep(42, 0)),
                (7, INLINED | rep(11, 8)),
                (9, ARRAY | rep(24, POINTS)),
                (9, ARRAY | rep(3, COUNTS)),
                (9, ARRAY | rep(3, CORNERS)),
                (9, ARRAY | rep(24, COLORS)),
                (13, INLINED | rep(11, 14)),
            ],
            sets: vec![0, 1, END, 2, 3, END, 4, END, 5, END, 6, END, 7, 8, END],
            paths: vec![
                [0, 0, -1],
                [1, 1, -1],
                [2, -2, 0],
                [3, -3, 0],
                [4, -4, 0],
                [5, -5, -2],
            ],
            specs: vec![
                [0, 0, 7],
                [1, 3, 6],
                [2, 6, 1],
                [3, 8, 1],
                [4, 10, 1],
                [5, 12, 1],
            ],
        }
    }
}

impl Model {
    /// The model with a change.
    pub(super) fn with(change: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut model = Self::default();
        change(&mut model);
        model.bytes()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"PXR-USDC".to_vec();
        bytes.extend(self.version);
        bytes.resize(POINTS as usize, 0);
        bytes.extend(&self.values);
        let sections = self.sections();
        let mut table = number(sections.len());
        for (name, parts) in sections {
            let (mut name, data) = (name.as_bytes().to_vec(), parts.concat());
            name.resize(16, 0);
            table.extend([name, number(bytes.len()), number(data.len())].concat());
            bytes.extend(data);
        }
        let start = number(bytes.len());
        bytes[16..24].copy_from_slice(&start);
        bytes.extend(table);
        bytes
    }

    /// The name of each section, and its parts.
    fn sections(&self) -> [(&'static str, Vec<Vec<u8>>); 6] {
        let list = |values: &mut dyn Iterator<Item = i32>| {
            let values: Vec<i32> = values.collect();
            sized(&integers(&values))
        };
        let bytes = |token: &String| [token.as_bytes(), &[0]].concat();
        let tokens: Vec<u8> = self.tokens.iter().flat_map(bytes).collect();
        let reps = self.fields.iter().flat_map(|(_, rep)| rep.to_le_bytes());
        let reps: Vec<u8> = reps.collect();
        let names = list(&mut self.fields.iter().map(|(name, _)| *name as i32));
        let sets = list(&mut self.sets.iter().map(|field| *field as i32));
        let [numbers, ends, jumps] = [0, 1, 2].map(|k| list(&mut self.paths.iter().map(|p| p[k])));
        let [paths, fields, kinds] =
            [0, 1, 2].map(|k| list(&mut self.specs.iter().map(|spec| spec[k] as i32)));
        let count = number(self.paths.len());
        [
            (
                "TOKENS",
                vec![
                    number(self.tokens.len()),
                    number(tokens.len()),
                    sized(&packed(&tokens)),
                ],
            ),
            ("STRINGS", vec![number(2), vec![1, 0, 0, 0, 14, 0, 0, 0]]),
            (
                "FIELDS",
                vec![number(self.fields.len()), names, sized(&packed(&reps))],
            ),
            ("FIELDSETS", vec![number(self.sets.len()), sets]),
            ("PATHS", vec![count.clone(), count, numbers, ends, jumps]),
            (
                "SPECS",
                vec![number(self.specs.len()), paths, fields, kinds],
            ),
        ]
    }
}

fn number(v: usize) -> Vec<u8> {
    (v as u64).to_le_bytes().to_vec()
}

/// Bytes behind their number.
pub(super) fn sized(data: &[u8]) -> Vec<u8> {
    [&(data.len() as u64).to_le_bytes()[..], data].concat()
}

/// One chunk that is an LZ4 block of literals.
pub(super) fn packed(data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, (data.len().min(15) as u8) << 4];
    if let Some(mut more) = data.len().checked_sub(15) {
        while more >= 255 {
            bytes.push(255);
            more -= 255;
        }
        bytes.push(more as u8);
    }
    [&bytes[..], data].concat()
}

/// Integers as differences of four bytes.
pub(super) fn integers(values: &[i32]) -> Vec<u8> {
    let mut data = vec![0; 4];
    data.resize(4 + values.len().div_ceil(4), 0xff);
    let mut before = 0i32;
    for value in values {
        data.extend(value.wrapping_sub(before).to_le_bytes());
        before = *value;
    }
    packed(&data)
}

/// So many equal integers: codes of zeros, which compress well.
pub(super) fn repeated(value: i32, count: usize) -> Vec<u8> {
    let codes = count.div_ceil(4);
    // the first is all, the others differ by nothing
    let mut bytes = vec![0, 0x6f, 0, 0, 0, 0, 3, 0, 1, 0];
    let mut more = codes - 2 - 4 - 15;
    while more >= 255 {
        bytes.push(255);
        more -= 255;
    }
    bytes.extend([more as u8, 0x40]);
    [&bytes[..], &value.to_le_bytes()].concat()
}
