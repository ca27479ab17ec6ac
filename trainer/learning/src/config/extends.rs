//! Configurations that share what they have in common: `extends = "FILE"` at the beginning of one
//! names the other.

use std::path::Path;

use anyhow::Context;
use toml::{Table, Value};

/// The key that names another configuration.
const KEY: &str = "extends";
/// Largest number of configurations that extend each other. Two files that name each other would
/// never end.
const DEEPEST: usize = 4;

/// The values of the configuration at `path`, and those of what it extends where it has none.
pub(super) fn read(path: &Path) -> anyhow::Result<Table> {
    read_at(path, 1)
}

fn read_at(path: &Path, depth: usize) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))?;
    let malformed = || format!("malformed configuration {}", path.display());
    let mut table: Table = toml::from_str(&text).with_context(malformed)?;
    let Some(base) = table.remove(KEY) else {
        return Ok(table);
    };
    let Value::String(base) = base else {
        return Err(anyhow::anyhow!(
            "{KEY} is {base}, it must be the path of a file"
        ))
        .with_context(malformed);
    };
    anyhow::ensure!(
        depth < DEEPEST,
        "{} extends {base}: at most {DEEPEST} configurations may extend each other, which is the limit",
        path.display()
    );
    let base = path.with_file_name(base);
    let mut values =
        read_at(&base, depth + 1).with_context(|| format!("{} extends it", path.display()))?;
    replace(&mut values, table);
    Ok(values)
}

/// Replaces the values in `base`, key by key in tables. A table that says its kind is one value: the
/// other keys of another kind are none of its.
fn replace(base: &mut Table, by: Table) {
    for (key, value) in by {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(value)) if !value.contains_key("kind") => {
                replace(base, value);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn own_values_come_before_those_of_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write(
            "base.toml",
            "[run]\nseed = 1\nsteps = 2\n[loss]\nqueries = [0.1, 0.2]",
        );
        let own = write(
            "own.toml",
            "extends = 'base.toml'\n[run]\nseed = 3\n[data]\nrooms = ['x']\n[loss]\nqueries = [0.5, 0.6]",
        );
        let table = read(&own).unwrap();
        let expected: Table = toml::from_str(
            "[run]\nseed = 3\nsteps = 2\n[loss]\nqueries = [0.5, 0.6]\n[data]\nrooms = ['x']",
        )
        .unwrap();
        assert_eq!(table, expected);
        let other = write(
            "other.toml",
            "extends = 'kinds.toml'\n[model]\nbackbone = { kind = 'b', depth = 2 }",
        );
        write(
            "kinds.toml",
            "[model]\nwidth = 1\nbackbone = { kind = 'a', stem = 5 }",
        );
        let expected: Table =
            toml::from_str("[model]\nwidth = 1\nbackbone = { kind = 'b', depth = 2 }").unwrap();
        assert_eq!(read(&other).unwrap(), expected);
        let refused = |path: &Path, words: &[&str]| {
            let error = format!("{:#}", read(path).unwrap_err());
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        refused(&write("a.toml", "extends = 'a.toml'"), &["a.toml", "limit"]);
        refused(
            &write("b.toml", "extends = 'no.toml'"),
            &["b.toml", "no.toml"],
        );
        refused(&write("c.toml", "extends = 5"), &["c.toml", "extends is 5"]);
    }
}
