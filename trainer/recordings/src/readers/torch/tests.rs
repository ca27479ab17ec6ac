#![allow(clippy::unwrap_used)]
//! Files in the format of `torch.save`, instruction by instruction.

use std::{
    fs,
    io::{Cursor, Write},
};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

fn text(s: &str) -> Vec<u8> {
    [&b"X"[..], &(s.len() as u32).to_le_bytes(), s.as_bytes()].concat()
}

fn int(n: usize) -> Vec<u8> {
    [&b"J"[..], &(n as i32).to_le_bytes()].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(".to_vec(), items.concat(), b"t".to_vec()].concat()
}

fn ints(numbers: &[usize]) -> Vec<u8> {
    tuple(&numbers.iter().map(|n| int(*n)).collect::<Vec<_>>())
}

/// Pickle of a tensor of an f32 storage, starting at its element `first`.
fn tensor(key: usize, shape: &[usize], strides: &[usize], first: usize) -> Vec<u8> {
    let storage = [
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text(&key.to_string()),
        text("cpu"),
        int(99),
    ];
    let arguments = [
        [tuple(&storage), b"Q".to_vec()].concat(),
        int(first),
        ints(shape),
        ints(strides),
        b"\x89".to_vec(),
        b"ccollections\nOrderedDict\n)R".to_vec(),
    ];
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(),
        tuple(&arguments),
        b"R".to_vec(),
    ]
    .concat()
}

/// Pickle of a NumPy array, as protocol 2 writes it, with the bytes as text.
pub fn numpy(dtype: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let encoded = |bytes: &[u8]| {
        let latin: String = bytes.iter().map(|b| char::from(*b)).collect();
        [
            b"c_codecs\nencode\n".to_vec(),
            tuple(&[text(&latin), text("latin1")]),
            b"R".to_vec(),
        ]
        .concat()
    };
    let state = [int(3), text("<"), b"NNN".to_vec(), int(0), int(0), int(0)];
    let dtype = [
        b"cnumpy\ndtype\n".to_vec(),
        tuple(&[text(dtype), int(0), int(1)]),
        b"R".to_vec(),
        tuple(&state),
        b"b".to_vec(),
    ]
    .concat();
    let blank = [
        b"cnumpy.core.multiarray\n_reconstruct\n".to_vec(),
        tuple(&[b"cnumpy\nndarray\n".to_vec(), ints(&[0]), encoded(b"b")]),
    ]
    .concat();
    let state = tuple(&[int(1), ints(shape), dtype, b"\x89".to_vec(), encoded(bytes)]);
    [blank, b"R".to_vec(), state, b"b".to_vec()].concat()
}

/// The archive: a pickle with `root`, and the storages.
pub fn archive(root: &[u8], storages: &[Vec<f32>]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut add = |name: &str, bytes: &[u8]| {
        archive.start_file(format!("scene/{name}"), stored).unwrap();
        archive.write_all(bytes).unwrap();
    };
    add("data.pkl", &[b"\x80\x02", root, b"."].concat());
    for (key, storage) in storages.iter().enumerate() {
        add(
            &format!("data/{key}"),
            &storage
                .iter()
                .flat_map(|x| x.to_le_bytes())
                .collect::<Vec<_>>(),
        );
    }
    add("version", b"3\n");
    archive.finish().unwrap().into_inner()
}

/// A file with a list of f32 tensors with `columns` columns.
pub fn tensors(rows: &[Vec<f32>], columns: usize) -> Vec<u8> {
    let items = rows
        .iter()
        .enumerate()
        .map(|(key, values)| tensor(key, &[values.len() / columns, columns], &[columns, 1], 0));
    archive(
        &[
            b"](".to_vec(),
            items.collect::<Vec<_>>().concat(),
            b"e".to_vec(),
        ]
        .concat(),
        rows,
    )
}

/// A file with one such tensor.
pub fn alone(values: &[f32], columns: usize) -> Vec<u8> {
    archive(
        &tensor(0, &[values.len() / columns, columns], &[columns, 1], 0),
        &[values.to_vec()],
    )
}

/// A file with a tuple of NumPy arrays.
pub fn arrays(items: &[Vec<u8>]) -> Vec<u8> {
    archive(&tuple(items), &[])
}

fn opened(bytes: &[u8]) -> Result<TorchFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pth");
    fs::write(&path, bytes).unwrap();
    TorchFile::open(&path).map_err(|error| format!("{error:#}"))
}

#[test]
fn lists_tuples_and_single_tensors_are_read() {
    let mut list = opened(&tensors(&[vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0]], 2)).unwrap();
    assert_eq!(
        (list.len(), list.shape(0), list.shape(1)),
        (2, &[2, 2][..], &[1, 2][..])
    );
    assert_eq!(
        (list.floats(0).unwrap(), list.floats(1).unwrap()),
        (vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0])
    );
    assert_eq!(list.integers(0).unwrap(), [1, 2, 3, 4]);
    assert_eq!(opened(&alone(&[7.0], 1)).unwrap().floats(0).unwrap(), [7.0]);
    let mut view = opened(&archive(
        &tensor(0, &[2], &[1], 3),
        &[vec![0.0, 1.0, 2.0, 3.0, 4.5]],
    ))
    .unwrap();
    assert_eq!(
        view.floats(0).unwrap(),
        [3.0, 4.5],
        "from its place in the storage on"
    );
    assert!(view.integers(0).unwrap_err().to_string().contains("4.5"));

    let bytes: Vec<u8> = [1.5f64, -2.0]
        .into_iter()
        .flat_map(f64::to_le_bytes)
        .collect();
    let labels: Vec<u8> = [-100i64, 300]
        .into_iter()
        .flat_map(i64::to_le_bytes)
        .collect();
    let mut both = opened(&arrays(&[
        numpy("f8", &[2, 1], &bytes),
        numpy("i8", &[2], &labels),
        numpy("u1", &[1], &[200]),
    ]))
    .unwrap();
    assert_eq!(
        (both.floats(0).unwrap(), both.shape(0)),
        (vec![1.5, -2.0], &[2, 1][..])
    );
    assert_eq!(
        (both.integers(1).unwrap(), both.floats(2).unwrap()),
        (vec![-100, 300], vec![200.0])
    );
}

/// A file that PyTorch wrote (tests/beside/torch_files.py).
fn written(name: &str) -> anyhow::Result<TorchFile> {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/torch"
    ));
    TorchFile::open(&folder.join(name))
}

#[test]
fn files_that_torch_itself_wrote_are_read() {
    // a list of the same numbers in four types, and the same rows within a larger storage
    let mut features = written("features.pth").unwrap();
    assert_eq!(features.len(), 5);
    let expected: Vec<f32> = (0..12).map(|i| i as f32 / 4.0 - 1.0).collect();
    for array in 0..5 {
        assert_eq!(features.shape(array), [4, 3]);
        assert_eq!(features.floats(array).unwrap(), expected, "array {array}");
    }
    let mut alone = written("superpoints.pth").unwrap();
    assert_eq!((alone.len(), alone.shape(0)), (1, &[5][..]));
    assert_eq!(alone.integers(0).unwrap(), [0, 1, 2, 3, 4]);
    // NumPy renamed its modules
    for name in ["scene.pth", "scene_numpy2.pth"] {
        let mut scene = written(name).unwrap();
        assert_eq!(scene.len(), 4, "{name}");
        let xyz: Vec<f32> = (0..12).map(|i| i as f32 / 8.0).collect();
        let rgb: Vec<f32> = (0..12).map(|i| (i as f32 - 6.0) / 6.0).collect();
        assert_eq!(
            (scene.floats(0).unwrap(), scene.floats(1).unwrap()),
            (xyz, rgb)
        );
        assert_eq!(scene.integers(2).unwrap(), [-100, 0, 5, 199]);
        assert_eq!(scene.integers(3).unwrap(), [-100, 3, 3, 0]);
    }
    let error = format!("{:#}", written("checkpoint.pth").err().unwrap());
    assert!(error.contains("dictionary"), "{error}");
}

/// Small files that make a careless reader take any amount of memory.
#[test]
fn the_file_bounds_the_memory() {
    let pickled = |root: &[u8]| opened(&archive(root, &[])).err().unwrap();
    // values that are remembered at places far apart
    let mut far = b"N".repeat(100_000);
    for place in 1..30_000u32 {
        far.extend([&b"r"[..], &(100_000 * place).to_le_bytes()].concat());
    }
    assert!(pickled(&far).contains("None is in the place of an array"));

    // one long text that is copied again and again
    let long = text(&"x".repeat(1 << 20));
    let remembered = |rest: &[u8]| [&long[..], b"q\0", &rest.repeat(8)].concat();
    let limit = "the limit is 256";
    for (root, words) in [
        (remembered(b"c_codecs\nencode\n(h\0tR"), "again and again"),
        (remembered(b"cnumpy\ndtype\n(h\0tR"), limit),
        (remembered(b"h\0h\0\x93"), limit),
        (remembered(b"(Nctorch\nFloatStorage\nh\0NNtQ"), limit),
        ([&b"c"[..], &b"x".repeat(1 << 20)].concat(), "256 bytes"),
        (tensor(0, &[1; 65], &[1; 65], 0), "65 dimensions"),
        (b"N".repeat(1 << 18), "262144 instructions"),
    ] {
        let error = pickled(&root);
        assert!(error.contains(words), "{error} does not say {words}");
    }

    // one array in all places of a list
    let bytes = vec![7; 1 << 20];
    let array = [&numpy("u1", &[1 << 20], &bytes)[..], b"q\x01"].concat();
    let all = [b"](", &array[..], &b"h\x01".repeat(100_000), b"e"].concat();
    let mut shared = opened(&archive(&all, &[])).unwrap();
    assert_eq!(shared.len(), 100_001);
    assert_eq!(shared.integers(100_000).unwrap().len(), 1 << 20);
}

#[test]
fn what_is_no_such_file_is_refused() {
    let pickled = |root: &[u8]| opened(&archive(root, &[])).err().unwrap();
    let deep = [b"(".repeat(9), b"t".repeat(9)].concat();
    for (error, words) in [
        (opened(b"not an archive").err().unwrap(), "PyTorch 1.6"),
        (
            opened(&tensors(&[vec![1.0; 4]], 2)[..150]).err().unwrap(),
            "PyTorch 1.6",
        ),
        (pickled(b"}"), "a dictionary is in the place of an array"),
        (
            pickled(b"](K\x05e"),
            "a whole number is in the place of an array",
        ),
        (pickled(b""), "the stack is empty"),
        (pickled(b"t"), "has no mark"),
        (pickled(&deep), "a list is in the place of an array"),
        (pickled(b"X\xff\xff\xff\xff"), "ends too early"),
        (pickled(b"h\x07"), "nothing is remembered at 7"),
        (pickled(b"cos\nsystem\n(t\x82"), "0x82"),
        (
            pickled(b"cos\nsystem\n(X\x02\0\0\0lstR"),
            "an object is in the place of an array",
        ),
        (
            pickled(&tensor(0, &[2, 3], &[1, 2], 0)),
            "save it contiguous",
        ),
        (
            pickled(&numpy("O8", &[1], &[0])),
            "an array has the type O8",
        ),
    ] {
        assert!(
            error.contains(words) && error.contains("a.pth"),
            "{error} does not say {words}"
        );
    }
    // missing data are noticed when they are read, before memory is allocated for them
    let mut short = opened(&archive(&tensor(0, &[9], &[1], 0), &[vec![1.0; 8]])).unwrap();
    assert!(
        short
            .floats(0)
            .unwrap_err()
            .to_string()
            .contains("needs 36")
    );
    let mut huge = opened(&archive(
        &tensor(0, &[1 << 30, 1 << 30], &[1 << 30, 1], 0),
        &[vec![1.0; 8]],
    ))
    .unwrap();
    assert!(
        huge.floats(0)
            .unwrap_err()
            .to_string()
            .contains("more than")
    );
    let mut absent = opened(&archive(&tensor(3, &[1], &[1], 0), &[])).unwrap();
    assert!(format!("{:#}", absent.floats(0).unwrap_err()).contains("data/3"));
    let mut other = opened(&arrays(&[numpy("f8", &[2], &[0; 8])])).unwrap();
    assert!(
        other
            .floats(0)
            .unwrap_err()
            .to_string()
            .contains("8 bytes instead of 16")
    );
}
