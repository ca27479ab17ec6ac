#![allow(clippy::unwrap_used)]
//! The shipped configurations, and the messages about values and fields that are wrong.

use super::*;

#[test]
fn the_shipped_configurations_are_valid() {
    for name in [
        "ablation",
        "ablation-start",
        "images",
        "nano",
        "ovseg3r",
        "scannet200",
        "segment3d-1",
        "segment3d-2",
    ] {
        Config::read(Path::new(&format!(
            "{}/../../configs/{name}.toml",
            env!("CARGO_MANIFEST_DIR")
        )))
        .unwrap();
    }
}

#[test]
fn values_out_of_range_are_named() {
    for (change, word) in [
        ("[run]\ndevices = 2", "run.devices is 2"),
        ("[run]\ndevices = 0", "run.devices is 0"),
        ("[optimizer]\nema = 1.0", "optimizer.ema"),
        ("[optimizer]\nema = 0.0", "optimizer.ema"),
        (
            "[data.frames]\nleast_points = 0",
            "the scans of data.rooms ([\"x\"]) have no frames",
        ),
        (
            "[data.pseudo]\nfiles = ['y']",
            "neither data.frames nor another source",
        ),
    ] {
        let config: Config = toml::from_str(&format!("[data]\nrooms = ['x']\n{change}")).unwrap();
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn values_of_nameless_sources_are_named() {
    let refused = |text: &str, word: &str| {
        let config: Config = toml::from_str(text).unwrap();
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    let generated = "[data.generated]\n[data.frames]\n";
    refused(generated, "the objects of data.frames have no names");
    refused(&format!("{generated}per_room = 0"), "per_room is 0");
    let pseudo = "[data.pseudo]\nfiles = ['y']\n";
    refused("[data.pseudo]", "0 entries in `files`");
    refused(pseudo, "the objects of data.pseudo have no names");
    refused(&format!("{pseudo}confidence = 1.5"), "confidence is 1.5");
    refused(&format!("{pseudo}masks = 0"), "masks is 0");
}

#[test]
fn a_misspelt_field_is_refused() {
    let error = toml::from_str::<Config>("[data]\nrooms = ['x']\n[optimizer]\nlearning_rat = 1.0")
        .unwrap_err();
    assert!(error.to_string().contains("learning_rat"), "{error}");
}

#[test]
fn former_keys_are_read() {
    let config: Config = toml::from_str(
        "[data]\nrooms = ['x']\n[optimiser]\nwarmup = 7\n[loss]\ncentre = 0.3\n[augment]\ncolour_drop = 0.4",
    )
    .unwrap();
    assert_eq!(
        (
            config.optimizer.warmup,
            config.loss.center,
            config.augment.color_drop
        ),
        (7, 0.3, 0.4)
    );
}
