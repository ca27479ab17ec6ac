//! Checks that every WGSL file is valid on the smallest WebGPU device, stays within the limits that
//! browsers share, and has a header that describes it.
#![cfg(not(target_family = "wasm"))]

use std::{collections::BTreeMap, fs, path::Path};

use naga::{
    AddressSpace, Module, ShaderStage, StorageAccess,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};
use segscape::instances::NO_INSTANCE;

/// Maximum number of storage buffers and uniforms of one shader together.
const BINDINGS: usize = 7;
/// Maximum number of threads per workgroup and of bytes in its shared memory, as every WebGPU
/// device allows.
const THREADS: u32 = 256;
const SHARED_BYTES: u32 = 16 << 10;

#[test]
fn are_valid_small_and_described() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../wgsl"));
    let mut complaints = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder of shaders") {
        let path = entry.expect("a readable folder").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wgsl")
        {
            let name = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .expect("a name in ASCII");
            let source = fs::read_to_string(&path).expect("a readable shader");
            complaints.extend(
                complaints_about(name, &source)
                    .into_iter()
                    .map(|complaint| format!("{name}: {complaint}")),
            );
            count += 1;
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(count >= 4, "only {count} shaders found");
}

/// Shaders cannot import constants of the core.
#[test]
fn no_instance_has_the_value_of_the_core() {
    let shader = include_str!("../../wgsl/eye_dome.wgsl");
    let constant = format!("const NO_INSTANCE: u32 = {NO_INSTANCE:#x}u;");
    assert!(shader.contains(&constant), "{constant}");
}

fn complaints_about(name: &str, source: &str) -> Vec<String> {
    let module = match naga::front::wgsl::parse_str(source) {
        Ok(module) => module,
        Err(error) => return vec![error.emit_to_string(source)],
    };
    // The suffix of the name states that not every device can run it.
    let capabilities = if name.ends_with("_subgroups") {
        Capabilities::SUBGROUP
    } else {
        Capabilities::empty()
    };
    let info = match Validator::new(ValidationFlags::all(), capabilities).validate(&module) {
        Ok(info) => info,
        Err(error) => return vec![error.emit_to_string(source)],
    };
    let mut complaints = bindings(&module, &info);
    if !source.starts_with("// ") {
        complaints.push("does not begin with what it is for".into());
    }
    if module
        .entry_points
        .iter()
        .any(|entry| entry.stage == ShaderStage::Compute)
    {
        complaints.extend(compute(name, source, &module));
    }
    complaints
}

/// Checks that bindings are numbered from 0 and that each one is used, because a pipeline's
/// automatic layout omits unused bindings and then no longer matches.
fn bindings(module: &Module, info: &ModuleInfo) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut numbers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (handle, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else {
            continue;
        };
        numbers
            .entry(binding.group)
            .or_default()
            .push(binding.binding);
        let label = variable.name.as_deref().unwrap_or("an unnamed binding");
        if (0..module.entry_points.len())
            .all(|entry| info.get_entry_point(entry)[handle].is_empty())
        {
            complaints.push(format!("{label} is declared but never used"));
        }
        let written = (0..module.entry_points.len()).any(|entry| {
            info.get_entry_point(entry)[handle].contains(naga::valid::GlobalUse::WRITE)
        });
        if let AddressSpace::Storage { access } = variable.space
            && access.contains(StorageAccess::STORE) != written
        {
            complaints.push(format!(
                "{label} is declared {access:?} but written: {written}"
            ));
        }
    }
    for (group, mut numbers) in numbers {
        numbers.sort_unstable();
        if !numbers.iter().copied().eq(0..numbers.len() as u32) {
            complaints.push(format!(
                "group {group} binds {numbers:?}, not every number from 0 once"
            ));
        }
        if numbers.len() > BINDINGS {
            complaints.push(format!(
                "group {group} has {} bindings, at most {BINDINGS}",
                numbers.len()
            ));
        }
    }
    complaints
}

fn compute(name: &str, source: &str, module: &Module) -> Vec<String> {
    let mut complaints = Vec::new();
    match module.entry_points.as_slice() {
        [entry] if entry.name == name => {
            let threads: u32 = entry.workgroup_size.iter().product();
            if threads > THREADS {
                complaints.push(format!("{threads} threads a workgroup, at most {THREADS}"));
            }
        }
        entries => {
            let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            complaints.push(format!(
                "entry points {names:?} instead of one with the file's name"
            ));
        }
    }
    let shared = module
        .global_variables
        .iter()
        .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
    let bytes: u32 = shared
        .map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()))
        .sum();
    if bytes > SHARED_BYTES {
        complaints.push(format!(
            "{bytes} bytes shared by a workgroup, at most {SHARED_BYTES}"
        ));
    }
    for part in [
        "// binding  access",
        "// Workgroup: ",
        "// Invariants: ",
        "// Definition: ",
    ] {
        if !source.contains(part) {
            complaints.push(format!(
                "its header has no line with `{}`",
                part.trim_start_matches("// ")
            ));
        }
    }
    if !has_definition(source) {
        complaints.push("its definition does not exist".into());
    }
    complaints
}

/// `true` if the header names something public of `ops`, or a file, as what the shader computes.
fn has_definition(source: &str) -> bool {
    let line = source
        .lines()
        .find_map(|line| line.strip_prefix("// Definition: "));
    let named = line.and_then(|line| line.split('`').nth(1)).unwrap_or("");
    match named.strip_prefix("ops::") {
        Some(name) => include_str!("../../core/src/ops/mod.rs")
            .lines()
            .skip_while(|line| !line.starts_with("pub use"))
            .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
            .any(|word| word == name),
        None => Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .join(named)
            .is_file(),
    }
}
