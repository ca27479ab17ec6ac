//! `cargo xtask sbom`: what each program is made of, as CycloneDX files (software bills of materials).
//!
//! Cargo's own tree is asked, one program at a time, because features of a workspace as a whole would
//! put the network's libraries into the server. The files say nothing of time or machine: the same
//! commit gives the same bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::shell::{command, output, root, say, target_dir};

/// (package, target if it is not this machine)
const PROGRAMS: [(&str, Option<&str>); 3] = [
    ("server", None),
    ("trainer", None),
    ("web", Some("wasm32-unknown-unknown")),
];
/// Where packages come from, as the lock file says it.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package of a program.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    license: String,
    repository: String,
}

/// Writes a file per program.
///
/// # Errors
/// Returns an error if the lock file is not up to date, or has a package from elsewhere than
/// crates.io.
pub fn sbom() -> Result<()> {
    let lock =
        fs::read_to_string(root().join("Cargo.lock")).context("Cargo.lock cannot be read")?;
    let checksums = checksums(&lock)?;
    let folder = target_dir().join("sbom");
    fs::create_dir_all(&folder)?;
    for (program, target) in PROGRAMS {
        let listing = ["--edges", "normal,build", "--prefix", "none", "--format"];
        let mut tree = command("cargo", ["tree", "--locked", "--package", program]);
        tree.args(listing).arg("{p}\t{l}\t{r}");
        tree.args(target.iter().flat_map(|target| ["--target", target]));
        let tree = output(&mut tree).with_context(|| {
            format!("cargo cannot list the packages of {program}: is Cargo.lock up to date?")
        })?;
        let packages = packages(&tree)?;
        let bill = bill(program, &packages, &checksums)?;
        let path = folder.join(format!("{program}.cdx.json"));
        fs::write(&path, format!("{bill:#}\n"))
            .with_context(|| format!("{} cannot be written", path.display()))?;
        say(&format!("{} packages: {}", packages.len(), path.display()));
    }
    Ok(())
}

/// The checksums of the packages of crates.io, by name and version.
fn checksums(lock: &str) -> Result<BTreeMap<(&str, &str), &str>> {
    let mut found = BTreeMap::new();
    for entry in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = entry.lines().find_map(|line| line.strip_prefix(key));
            line.and_then(|line| line.strip_prefix(" = \"")?.strip_suffix('"'))
        };
        let (name, version) = (value("name"), value("version"));
        let (name, version) = name
            .zip(version)
            .context("Cargo.lock has a package without a name")?;
        let Some(source) = value("source") else {
            continue;
        };
        ensure!(
            source == CRATES_IO,
            "{name} comes from {source}, not from crates.io"
        );
        let checksum = value("checksum").with_context(|| format!("{name} has no checksum"))?;
        found.insert((name, version), checksum);
    }
    Ok(found)
}

/// The packages in the output of `cargo tree`, each once.
fn packages(tree: &str) -> Result<BTreeSet<Package>> {
    let package = |line: &str| {
        // Lines of packages whose dependencies were listed before end so.
        let line = line.trim_end_matches(" (*)");
        let mut parts = line.split('\t');
        let mut words = parts.next()?.split(' ');
        Some(Package {
            name: words.next()?.to_owned(),
            version: words.next()?.strip_prefix('v')?.to_owned(),
            license: parts.next()?.replace('/', " OR "),
            repository: parts.next()?.to_owned(),
        })
    };
    let lines = tree.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| package(line).with_context(|| format!("cargo tree says \"{line}\"")))
        .collect()
}

/// The bill of a program.
fn bill(
    program: &str,
    packages: &BTreeSet<Package>,
    checksums: &BTreeMap<(&str, &str), &str>,
) -> Result<Value> {
    let component = |package: &Package, kind: &str| -> Value {
        let Package {
            name,
            version,
            license,
            repository,
        } = package;
        let url = format!("pkg:cargo/{name}@{version}");
        let mut component = json!({
            "type": kind, "bom-ref": url, "name": name, "version": version, "purl": url,
            "licenses": [{ "expression": license }],
        });
        if let Some(checksum) = checksums.get(&(name.as_str(), version.as_str())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        if !repository.is_empty() {
            component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        component
    };
    let is_program = |package: &&Package| package.name == program;
    let itself = packages.iter().find(is_program);
    let itself = itself.with_context(|| format!("{program} is not among its own packages"))?;
    let others = packages.iter().filter(|package| !is_program(package));
    let others = others.map(|package| component(package, "library"));
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": component(itself, "application") },
        "components": others.collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
        source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"0f\"\n\n\
        [[package]]\nname = \"server\"\nversion = \"0.1.0\"\ndependencies = [\n \"a\",\n]\n";

    #[test]
    fn a_bill_lists_each_package_once_with_its_hash() {
        let tree = "server v0.1.0 (/home/me/server)\tMIT\t\na v1.0.0 (proc-macro)\tMIT/Apache-2.0\thttps://a.example\n\
            a v1.0.0 (proc-macro)\tMIT/Apache-2.0\thttps://a.example (*)\n";
        let packages = packages(tree).unwrap();
        let bill = bill("server", &packages, &checksums(LOCK).unwrap()).unwrap();
        assert_eq!(bill["metadata"]["component"]["name"], "server");
        let [a] = bill["components"].as_array().unwrap().as_slice() else {
            panic!("{bill}");
        };
        assert_eq!(a["purl"], "pkg:cargo/a@1.0.0");
        assert_eq!(a["hashes"][0]["content"], "0f");
        assert_eq!(a["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(a["externalReferences"][0]["url"], "https://a.example");
        assert!(!bill.to_string().contains("/home/me"));
    }

    #[test]
    fn other_sources_and_unknown_lines_are_refused() {
        let other = LOCK.replace("github.com/rust-lang", "registry.example");
        let error = checksums(&other).unwrap_err().to_string();
        assert!(error.contains("a comes from"), "{error}");
        assert!(packages("error: no").is_err());
    }
}
