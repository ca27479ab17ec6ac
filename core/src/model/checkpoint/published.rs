//! Import of the weights of published networks: the names and the layouts of their parameters
//! (docs/spec/model.md sections 3.1 and 14).
//!
//! SegDINO3D's names are the reference. OneFormer3D and SPFormer have the same pre-activation
//! backbone, without a prefix; Mask3D has the same post-activation backbone, with a different
//! prefix. Their decoders share only some of the layers of this one.

use std::collections::BTreeMap;

use burn::module::Module;
use safetensors::{Dtype, tensor::TensorView};

use super::weights::{self, WeightsError};

/// A tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTensor {
    /// Row-major shape.
    pub shape: Vec<usize>,
    /// Values converted to f32.
    pub values: Vec<f32>,
}

/// The tensors of a checkpoint by name.
pub type Checkpoint = BTreeMap<String, StoredTensor>;

/// The result of importing a checkpoint into a network of this crate.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// A safetensors file in f32 for [`load_weights`](super::load_weights). Parameters that the
    /// checkpoint lacks keep the network's own values.
    pub weights: Vec<u8>,
    /// Parameters taken from the checkpoint.
    pub imported: Vec<String>,
    /// Parameters that do not exist in any published network.
    pub own: Vec<String>,
    /// Parameters that the checkpoint should have but lacks, each with its expected name there.
    pub missing: Vec<(String, String)>,
    /// Names in the checkpoint that were not used.
    pub unused: Vec<String>,
    /// Parameters whose shape in the checkpoint does not match.
    pub mismatched: Vec<Mismatch>,
}

/// A parameter whose shape in the checkpoint does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Name of the parameter in the checkpoint.
    pub key: String,
    /// Shape in the checkpoint.
    pub found: Vec<usize>,
    /// Expected shape, in the layout of this network.
    pub expected: Vec<usize>,
}

impl Import {
    /// `true` if every parameter found its counterpart and nothing was left over.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.mismatched.is_empty()
    }
}

/// Imports the parameters of `network` from `checkpoint`.
///
/// # Errors
/// [`WeightsError`] if the network's own values cannot be written.
pub fn import<M: Module>(network: &M, checkpoint: &Checkpoint) -> Result<Import, WeightsError> {
    let checkpoint: BTreeMap<String, &StoredTensor> = checkpoint
        .iter()
        .map(|(key, stored)| (unified(key), stored))
        .collect();
    let own = weights::parameters(network);
    let depth = levels_below(&own);
    let mut import = Import {
        weights: vec![],
        imported: vec![],
        own: vec![],
        missing: vec![],
        unused: vec![],
        mismatched: vec![],
    };
    let mut used = std::collections::BTreeSet::new();
    let mut tensors = vec![];
    for weights::Parameter {
        name,
        shape,
        values,
    } in own
    {
        let values = match origin(&name, depth) {
            None => {
                import.own.push(name.clone());
                values
            }
            Some(Origin { key, layout }) => match checkpoint.get(&key) {
                None => {
                    import.missing.push((name.clone(), key));
                    values
                }
                Some(stored) => {
                    used.insert(key.clone());
                    if let Some(values) = layout.read(stored, &shape) {
                        import.imported.push(name.clone());
                        values
                    } else {
                        import.mismatched.push(Mismatch {
                            key,
                            found: stored.shape.clone(),
                            expected: shape.clone(),
                        });
                        values
                    }
                }
            },
        };
        tensors.push((
            name,
            shape,
            values
                .into_iter()
                .flat_map(f32::to_le_bytes)
                .collect::<Vec<u8>>(),
        ));
    }
    // Counters of training steps, and a layer that no published network uses.
    let is_needless =
        |key: &str| key.ends_with(".num_batches_tracked") || key.starts_with("backbone.final.");
    import.unused = checkpoint
        .into_keys()
        .filter(|key| !used.contains(key) && !is_needless(key))
        .collect();
    import.weights = serialized(&tensors)?;
    Ok(import)
}

/// Number of levels of the U-Net below the first one.
fn levels_below(parameters: &[weights::Parameter]) -> usize {
    let level = |name: &str| {
        let rest = name.strip_prefix("backbone.ResUnet.down.")?;
        rest.split('.').next()?.parse().ok()
    };
    parameters
        .iter()
        .filter_map(|p| level(&p.name))
        .fold(0, |levels: usize, level: usize| levels.max(level + 1))
}

/// A safetensors file of f32 tensors: names, shapes and bytes.
fn serialized(tensors: &[(String, Vec<usize>, Vec<u8>)]) -> Result<Vec<u8>, WeightsError> {
    let malformed =
        |error: safetensors::SafeTensorError| WeightsError::Malformed(error.to_string());
    let views = tensors.iter().map(|(name, shape, bytes)| {
        Ok((
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(malformed)?,
        ))
    });
    let views = views.collect::<Result<Vec<_>, WeightsError>>()?;
    safetensors::serialize(views, None).map_err(malformed)
}

/// Maps a key of any published network to SegDINO3D's name.
fn unified(key: &str) -> String {
    let key = key.strip_prefix("module.").unwrap_or(key);
    let key = key.strip_prefix("model.").unwrap_or(key);
    if let Some(rest) = key.strip_prefix("unet.") {
        return format!("backbone.{rest}");
    }
    if key.starts_with("input_conv.") || key.starts_with("output_layer.") {
        return format!("backbone.{key}");
    }
    key.to_owned()
}

/// The place of a parameter of this network in a checkpoint.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    key: String,
    layout: Layout,
}

/// Difference between the layout of a parameter in the checkpoint and its layout here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// The same layout.
    Same,
    /// `(outputs, inputs)` in the checkpoint, `(inputs, outputs)` here.
    Transposed,
    /// `(outputs, x, y, z, inputs)` in the checkpoint, or `(x, y, z, inputs, outputs)` in older
    /// files; `(offset with x fastest, inputs, outputs)` here.
    Kernel,
    /// Any shape in the checkpoint, its memory reinterpreted as `(inputs, outputs)`, as spconv does
    /// with 1x1x1 kernels.
    Reinterpreted,
    /// One of three blocks of rows, for queries, keys and values; matrices are transposed.
    Third(usize),
}

impl Layout {
    /// Returns the values in the layout of this network, or `None` if they do not fit `shape`.
    fn read(self, stored: &StoredTensor, shape: &[usize]) -> Option<Vec<f32>> {
        let StoredTensor {
            shape: found,
            values,
        } = stored;
        if values.len() != found.iter().product::<usize>() {
            return None;
        }
        match self {
            Self::Same => (found == shape).then(|| values.clone()),
            Self::Reinterpreted => {
                (values.len() == shape.iter().product::<usize>()).then(|| values.clone())
            }
            Self::Transposed => {
                let &[inputs, outputs] = shape else {
                    return None;
                };
                (*found == [outputs, inputs]).then(|| transposed(values, inputs))
            }
            Self::Third(part) => {
                let rows = values.len() / 3;
                let values = values.get(part * rows..(part + 1) * rows)?;
                match *shape {
                    [length] => (*found == [3 * length]).then(|| values.to_vec()),
                    [inputs, outputs] => {
                        (*found == [3 * outputs, inputs]).then(|| transposed(values, inputs))
                    }
                    _ => None,
                }
            }
            Self::Kernel => {
                let &[offsets, inputs, outputs] = shape else {
                    return None;
                };
                let edge = (1..=5).find(|edge: &usize| edge.pow(3) == offsets)?;
                let (last, first) = (
                    [edge, edge, edge, inputs, outputs],
                    [outputs, edge, edge, edge, inputs],
                );
                let at: Box<dyn Fn(usize, usize, usize) -> usize> = if *found == first {
                    Box::new(|offset, input, output| (output * offsets + offset) * inputs + input)
                } else if *found == last {
                    Box::new(|offset, input, output| (offset * inputs + input) * outputs + output)
                } else {
                    return None;
                };
                let mut kernel = Vec::with_capacity(values.len());
                for offset in 0..offsets {
                    let [x, y, z] = [offset % edge, offset / edge % edge, offset / edge / edge];
                    let offset = (x * edge + y) * edge + z;
                    for input in 0..inputs {
                        kernel.extend((0..outputs).map(|output| values[at(offset, input, output)]));
                    }
                }
                Some(kernel)
            }
        }
    }
}

/// Transposes `(rows, columns)` to `(columns, rows)`.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| values.iter().skip(column).step_by(columns).copied())
        .collect()
}

/// Returns the place of the parameter `name` in a checkpoint. `depth` is the number of levels of
/// the post-activation backbone below the finest one.
fn origin(name: &str, depth: usize) -> Option<Origin> {
    if let Some(rest) = name.strip_prefix("backbone.SparseUnet.") {
        return sparse_unet(rest);
    }
    if let Some(rest) = name.strip_prefix("backbone.ResUnet.") {
        return res_unet(rest, depth);
    }
    decoder(name.strip_prefix("decoder.")?)
}

/// Maps the name of a field here to its published name.
fn field(field: &str) -> &str {
    match field {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    }
}

fn sparse_unet(name: &str) -> Option<Origin> {
    let parts: Vec<&str> = name.split('.').collect();
    let level = |level: &str| level.parse().ok().map(|level| "u.".repeat(level));
    let (module, layout) = match parts[..] {
        ["input", _] => ("input_conv.0".to_owned(), Layout::Kernel),
        ["output", _] => ("output_layer.0".to_owned(), Layout::Same),
        ["exchanges", l, part, _] => {
            let (module, layout) = match part {
                "down_norm" => ("conv.0", Layout::Same),
                "down" => ("conv.2", Layout::Kernel),
                "up_norm" => ("deconv.0", Layout::Same),
                "up" => ("deconv.2", Layout::Kernel),
                _ => return None,
            };
            (level(l)? + module, layout)
        }
        [way, l, block, part, _] => {
            let blocks = if way == "down" {
                "blocks"
            } else {
                "blocks_tail"
            };
            let (branch, layout) = match part {
                "norm1" => ("conv_branch.0", Layout::Same),
                "conv1" => ("conv_branch.2", Layout::Kernel),
                "norm2" => ("conv_branch.3", Layout::Same),
                "conv2" => ("conv_branch.5", Layout::Kernel),
                "shortcut" => ("i_branch.0", Layout::Reinterpreted),
                _ => return None,
            };
            (
                format!("{}{blocks}.block{block}.{branch}", level(l)?),
                layout,
            )
        }
        _ => return None,
    };
    Some(Origin {
        key: format!("backbone.{module}.{}", field(parts.last()?)),
        layout,
    })
}

fn res_unet(name: &str, depth: usize) -> Option<Origin> {
    let parts: Vec<&str> = name.split('.').collect();
    let number = |text: &str| text.parse::<usize>().ok();
    let norm = |module: String, name: &str| format!("{module}.bn.{}", field(name));
    let key = match parts[..] {
        ["input", _] => "conv0p1s1.kernel".to_owned(),
        ["input_norm", name] => norm("bn0".to_owned(), name),
        ["down", l, "change", _] => format!("conv{}p{}s2.kernel", number(l)? + 1, 1 << number(l)?),
        ["down", l, "norm", name] => norm(format!("bn{}", number(l)? + 1), name),
        ["up", l, "change", _] => format!(
            "convtr{}p{}s2.kernel",
            depth + number(l)?,
            1 << depth.checked_sub(number(l)?)?
        ),
        ["up", l, "norm", name] => norm(format!("bntr{}", depth + number(l)?), name),
        [way, l, "blocks", block, part, name] => {
            let stage = number(l)? + 1 + if way == "up" { depth } else { 0 };
            let block = format!("block{stage}.{block}");
            match part {
                "conv1" | "conv2" => format!("{block}.{part}.kernel"),
                "norm1" | "norm2" => norm(format!("{block}.{part}"), name),
                "shortcut" => format!("{block}.downsample.0.kernel"),
                "shortcut_norm" => norm(format!("{block}.downsample.1"), name),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Origin {
        key: format!("backbone.{key}"),
        layout: Layout::Same,
    })
}

fn decoder(name: &str) -> Option<Origin> {
    /// Prefixes here and in the checkpoint; `#` is the index of the layer.
    const RULES: [(&str, &str); 34] = [
        ("content_norm.", "input_proj.1."),
        ("content.", "input_proj.0."),
        ("mask_features.layers.0.", "x_mask.0."),
        ("mask_features.layers.1.", "x_mask.2."),
        ("initial_queries.layers.0.", "query_proj.0."),
        ("initial_queries.layers.1.", "query_proj.2."),
        ("query_position.", "ref_point_head."),
        ("box_modulation.", "ref_anchor_head."),
        ("heads.norm.", "out_norm."),
        ("heads.class.Fixed.instances.layers.0.", "out_cls.0."),
        ("heads.class.Fixed.instances.layers.1.", "out_cls.2."),
        ("heads.class.Fixed.semantics.", "out_sem."),
        (
            "layers.#.cross_attention.first_query_position.",
            "ca_qpos_proj.",
        ),
        (
            "layers.#.cross_attention.query_content.",
            "ca_qcontent_proj.#.",
        ),
        (
            "layers.#.cross_attention.key_content.",
            "ca_kcontent_proj.#.",
        ),
        ("layers.#.cross_attention.value.", "ca_v_proj.#."),
        (
            "layers.#.cross_attention.query_position.",
            "ca_qpos_sine_proj.#.",
        ),
        ("layers.#.cross_attention.key_position.", "ca_kpos_proj.#."),
        (
            "layers.#.cross_attention.out.",
            "cross_attn_layers.#.out_proj.",
        ),
        ("layers.#.cross_norm.", "norm1.#."),
        (
            "layers.#.self_attention.query_content.",
            "sa_qcontent_proj.#.",
        ),
        ("layers.#.self_attention.query_position.", "sa_qpos_proj.#."),
        (
            "layers.#.self_attention.key_content.",
            "sa_kcontent_proj.#.",
        ),
        ("layers.#.self_attention.key_position.", "sa_kpos_proj.#."),
        ("layers.#.self_attention.value.", "sa_v_proj.#."),
        (
            "layers.#.self_attention.out.",
            "self_attn_layers.#.out_proj.",
        ),
        ("layers.#.self_norm.", "norm2.#."),
        (
            "layers.#.object_attention.out.",
            "dinox_query_cross_attn_layers.#.attn.out_proj.",
        ),
        (
            "layers.#.object_norm.",
            "dinox_query_cross_attn_layers.#.norm.",
        ),
        ("layers.#.expand.", "ffn_layers.#.net.0."),
        ("layers.#.contract.", "ffn_layers.#.net.3."),
        ("layers.#.feed_forward_norm.", "ffn_layers.#.norm."),
        ("layers.#.center.", "bbox_embed.#."),
        ("layers.#.size.", "bbox_size_embed.#."),
    ];
    let layer = name
        .strip_prefix("layers.")
        .and_then(|rest| rest.split_once('.'))
        .map_or("", |(layer, _)| layer);
    let numbered = |rule: &str| rule.replace('#', layer);
    if let Some((part, last)) = name
        .strip_prefix(&numbered("layers.#.object_attention."))
        .and_then(|rest| rest.split_once('.'))
        && let Some(third) = ["query", "key", "value"].iter().position(|p| *p == part)
    {
        let key = format!("decoder.dinox_query_cross_attn_layers.{layer}.attn.in_proj_{last}");
        return Some(Origin {
            key,
            layout: Layout::Third(third),
        });
    }
    let (ours, theirs, rest) = RULES
        .iter()
        .find_map(|(ours, theirs)| Some((ours, theirs, name.strip_prefix(&numbered(ours))?)))?;
    let (path, last) = rest
        .rsplit_once('.')
        .map_or((String::new(), rest), |(path, last)| {
            (format!("{path}."), last)
        });
    let is_matrix = last == "weight" && !ours.ends_with("norm.");
    let key = format!("decoder.{}{path}{}", numbered(theirs), field(last));
    Some(Origin {
        key,
        layout: if is_matrix {
            Layout::Transposed
        } else {
            Layout::Same
        },
    })
}

#[cfg(test)]
mod tests;
