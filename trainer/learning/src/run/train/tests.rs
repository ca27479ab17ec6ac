#![allow(clippy::unwrap_used)]
//! Runs of a tiny network on a room of two boxes.

use super::{clock::time_left, *};

fn begin(config: &Config, out: &Path) -> anyhow::Result<()> {
    let (devices, cache) = ([Device::flex()], Arc::new(config.data.cache()?));
    train(config, None, out, &devices, &cache, &AtomicBool::default())
}

#[test]
fn a_network_with_fixed_classes_is_refused() {
    let mut config: Config = toml::from_str("[data]\nrooms = ['x']").unwrap();
    config.model.classes = Classes::Fixed {
        instances: 18,
        semantics: 20,
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let refusal = begin(&config, &out).unwrap_err().to_string();
    assert!(refusal.contains("fixed classes"), "{refusal}");
    assert!(!out.exists());
}

#[test]
fn a_run_without_its_scans_to_measure_on_does_not_begin() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny(
        folder.path(),
        "[validation]\nsets = [{ name = 'homes', scans = ['nowhere'] }]",
    );
    let out = folder.path().join("run");
    let refusal = format!("{:#}", begin(&config, &out).unwrap_err());
    assert!(
        refusal.contains("homes") && refusal.contains("nowhere"),
        "{refusal}"
    );
    assert!(!out.exists());
}

/// Writes a room of two boxes on a floor, a chair and a table, with a point every 4 cm.
fn write_room(path: &Path) {
    let mut points = Vec::new();
    let mut patch = |corner: [f32; 3], axes: [usize; 2], size: f32, class: i32, instance: i32| {
        let steps = (size / 0.04) as usize;
        for i in 0..steps * steps {
            let mut p = corner;
            p[axes[0]] += (i % steps) as f32 * 0.04;
            p[axes[1]] += (i / steps) as f32 * 0.04;
            points.push(format!("{} {} {} {class} {instance}\n", p[0], p[1], p[2]));
        }
    };
    patch([0.0; 3], [0, 1], 2.0, 2, 1);
    for (corner, class, instance) in [([0.3, 0.3, 0.04], 5, 2), ([1.2, 1.0, 0.04], 7, 3)] {
        for axes in [[0, 1], [0, 2], [1, 2]] {
            let mut far = corner;
            far[3 - axes[0] - axes[1]] += 0.5;
            patch(far, axes, 0.5, class, instance);
        }
    }
    let properties = "property float x\nproperty float y\nproperty float z\nproperty int semantic\nproperty int instance\n";
    let header = format!(
        "ply\nformat ascii 1.0\nelement vertex {}\n{properties}end_header\n",
        points.len()
    );
    std::fs::write(path, header + &points.concat()).unwrap();
}

/// The configuration of a tiny network on such a room, with a learning rate that does not
/// depend on where the run ends.
fn tiny(folder: &Path, change: &str) -> Config {
    let rooms = folder.join("rooms");
    std::fs::create_dir_all(&rooms).unwrap();
    write_room(&rooms.join("a.ply"));
    let text = format!(
        "[data]\nrooms = [{rooms:?}]\n[model]\nvoxel_size = 0.08\nbackbone = {{ kind = \"sparse_unet\", planes = [8, 8] }}\nd_model = 12\nheads = 2\nffn = 8\n\
         layers = 1\nmax_queries = 50\n[optimizer]\npower = 0.0\nwarmup = 1\n{change}"
    );
    let config: Config = toml::from_str(&text).unwrap();
    config.check().unwrap();
    config
}

/// Trains up to `steps` and returns every tensor of the checkpoint, by name.
fn run(config: &Config, steps: u64, out: &Path) -> std::collections::BTreeMap<String, Vec<f32>> {
    let mut config = config.clone();
    config.run.steps = Some(steps);
    train(
        &config,
        None,
        out,
        &vec![Device::flex(); config.run.devices],
        &Arc::new(config.data.cache().unwrap()),
        &AtomicBool::default(),
    )
    .unwrap();
    let bytes = std::fs::read(out.join(CHECKPOINT)).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.iter()
        .map(|(name, view)| (name.to_owned(), bytemuck::pod_collect_to_vec(view.data())))
        .collect()
}

/// Folders of runs that continue from the same first step, because all tests draw random
/// weights from one generator.
fn begun(config: &Config, folder: &Path, names: [&str; 2]) -> [std::path::PathBuf; 2] {
    let first = folder.join("first");
    run(config, 1, &first);
    names.map(|name| {
        let begun = folder.join(name);
        std::fs::create_dir_all(&begun).unwrap();
        std::fs::copy(first.join(CHECKPOINT), begun.join(CHECKPOINT)).unwrap();
        begun
    })
}

#[test]
fn a_resumed_run_equals_an_unbroken_one_with_averaged_weights() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny(folder.path(), "ema = 0.9\n");
    let [broken, whole] = begun(&config, folder.path(), ["broken", "whole"]);
    let halfway = run(&config, 2, &broken);
    let (resumed, unbroken) = (run(&config, 4, &broken), run(&config, 4, &whole));
    assert!(resumed.keys().any(|name| name.starts_with("average.")));
    assert_ne!(
        halfway["average.decoder.content.weight"],
        unbroken["average.decoder.content.weight"]
    );
    assert_ne!(
        unbroken["model.decoder.content.weight"],
        unbroken["average.decoder.content.weight"]
    );
    let differ = resumed
        .iter()
        .find(|(name, values)| unbroken[*name] != **values)
        .map(|(name, _)| name);
    assert_eq!((differ, resumed.len()), (None, unbroken.len()));

    let log = std::fs::read_to_string(broken.join(LOG)).unwrap();
    let steps: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        steps
            .iter()
            .map(|step| step["step"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [2, 3, 4]
    );
    for key in [
        "loss",
        "class",
        "bce",
        "dice",
        "learning_rate",
        "gradient_norm",
        "seconds",
        "scenes_per_second",
        "gflops",
        "percent_of_peak",
    ] {
        assert!(
            steps[2][key].as_f64().is_some_and(|value| value > 0.0),
            "{key}: {}",
            steps[2]
        );
    }
    let time = |step: &serde_json::Value, key: &str| step[key].as_u64().unwrap();
    assert!(
        steps
            .iter()
            .all(|step| time(step, "waited") <= time(step, "milliseconds"))
    );
}

#[test]
fn the_progress_says_how_long_the_device_waited() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = State::default();
    let mut clock = Clock::new(&tiny(folder.path(), ""), &state);
    let mut shown = |steps, waited, took| {
        state.steps = steps;
        let [waited, took] = [waited, took].map(Duration::from_millis);
        clock.show(&state, &[1.0, 0.5], waited, took);
        clock.bar.message()
    };
    // step 2 begins a new line of the log
    assert!(shown(2, 900, 1000).contains(" 90 % of the time waiting for samples"));
    assert!(shown(5, 100, 1000).contains(" 10 % of"));
    assert!(shown(6, 500, 1000).contains(" 30 % of"));
}

#[test]
fn a_run_that_goes_on_is_as_fast_as_it_is_now() {
    let minute = Duration::from_secs(60);
    // a run that continues in its middle, on a machine that is slower or faster than the last one
    let left = time_left(minute, 0.5, 0.6);
    assert!(
        left.abs_diff(4 * minute) < Duration::from_millis(1),
        "{left:?}"
    );
    assert_eq!(time_left(minute, 0.0, 1.0), Duration::ZERO);
    assert_eq!(time_left(minute, 0.5, 1.1), Duration::ZERO);
}

#[test]
fn a_run_measures_itself_and_keeps_what_did_best() {
    let folder = tempfile::tempdir().unwrap();
    let rooms = folder.path().join("rooms");
    let address = format!("file://{}", rooms.display());
    let sets = format!(
        "sets = [{{ name = 'seen', scans = [{rooms:?}] }}, {{ name = 'record', scans = [{address:?}], chooses = false }}]"
    );
    let config = tiny(
        folder.path(),
        &format!("ema = 0.9\n[validation]\nminutes = 1e-9\n{sets}"),
    );
    let out = folder.path().join("run");
    run(&config, 2, &out);
    let log = std::fs::read_to_string(out.join(validation::FILE)).unwrap();
    let log: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_set = |record: &serde_json::Value| {
        (
            record["step"].as_u64().unwrap(),
            record["set"].as_str().map(str::to_owned),
        )
    };
    let expected = [1, 2].map(|step| {
        [
            (step, Some("seen".to_owned())),
            (step, Some("record".to_owned())),
            (step, None),
        ]
    });
    assert_eq!(
        log.iter().map(of_set).collect::<Vec<_>>(),
        expected.concat()
    );
    assert_eq!(
        log[2]["choice"], log[0]["ap50"],
        "what is for the record chooses nothing"
    );
    let best = checkpoint::Checkpoint::of(&out.join("best.safetensors"))
        .unwrap()
        .state
        .steps;
    assert_eq!(
        best,
        if log[5]["choice"].as_f64() > log[2]["choice"].as_f64() {
            2
        } else {
            1
        }
    );
}

#[test]
fn steps_before_the_start_count() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny(folder.path(), "");
    let [first, out] = ["first", "second"].map(|name| folder.path().join(name));
    run(&config, 1, &first);
    let mut longer = config.clone();
    longer.run.steps = Some(12);
    train(
        &longer,
        Some(WarmStart {
            folder: &first,
            steps: 10,
        }),
        &out,
        &[Device::flex()],
        &Arc::new(config.data.cache().unwrap()),
        &AtomicBool::default(),
    )
    .unwrap();
    let log = std::fs::read_to_string(out.join(LOG)).unwrap();
    let steps: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        steps
            .iter()
            .map(|step| (step["step"].as_u64(), step["scenes"].as_u64()))
            .collect::<Vec<_>>(),
        [(Some(11), Some(11)), (Some(12), Some(12))]
    );
}

#[test]
fn scenes_spread_over_devices_make_the_same_gradient() {
    let folder = tempfile::tempdir().unwrap();
    let one = tiny(folder.path(), "scenes_per_step = 3\n");
    let mut two = one.clone();
    two.run.devices = 2;
    let [alone, both] = begun(&one, folder.path(), ["alone", "both"]);
    let (one, two) = (run(&one, 2, &alone), run(&two, 2, &both));
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        two.keys().collect::<Vec<_>>()
    );
    let mut compared = 0;
    for (name, values) in one.iter().filter(|(name, _)| name.starts_with("moment1.")) {
        let largest = values
            .iter()
            .fold(0.0f32, |largest, value| largest.max(value.abs()));
        for (a, b) in values.iter().zip(&two[name]) {
            assert!(
                (a - b).abs() <= 1e-4 * largest + 1e-7,
                "{name}: {a} and {b}"
            );
        }
        compared += usize::from(largest > 1e-4);
    }
    assert!(compared > 20, "{compared} gradients are not zero");
    // statistics are means over the devices: of one scene there, of two here
    let statistic = |tensors: &std::collections::BTreeMap<String, Vec<f32>>| {
        tensors["model.backbone.SparseUnet.output.running_mean"].clone()
    };
    assert!(statistic(&two).iter().any(|mean| *mean != 0.0));
    assert!(
        statistic(&one)
            .iter()
            .zip(statistic(&two))
            .all(|(a, b)| (a - b).abs() < 0.3),
        "{:?} {:?}",
        statistic(&one),
        statistic(&two)
    );
}
