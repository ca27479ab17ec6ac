//! Tables written in any encoding are read back unchanged.

use proptest::prelude::*;

use super::*;
use crate::{scan::lzf::tests::encode_literally, write};

const INTEGERS: [Scalar; 6] = [
    Scalar::I8,
    Scalar::U8,
    Scalar::I16,
    Scalar::U16,
    Scalar::I32,
    Scalar::U32,
];

/// The little-endian bytes of a value of this type; floats are finite.
fn value(scalar: Scalar, bits: u64) -> Vec<u8> {
    match scalar {
        Scalar::F32 => (bits as i32 as f32 / 1024.0).to_le_bytes().to_vec(),
        Scalar::F64 => (bits as i64 as f64 / 1024.0).to_le_bytes().to_vec(),
        _ => bits.to_le_bytes()[..scalar.size()].to_vec(),
    }
}

/// An element of up to 20 rows; the `fixed` columns come first.
fn elements(name: &'static str, fixed: &'static [&'static str]) -> impl Strategy<Value = Element> {
    let scalar = proptest::sample::select(Scalar::ALL.to_vec());
    let extra = proptest::collection::vec(scalar.clone(), 0..5);
    let list = (
        proptest::sample::select(INTEGERS.to_vec()),
        scalar,
        0usize..8,
    );
    let lists = proptest::collection::vec(list, 0..3);
    (1usize..20, extra, lists, any::<u64>()).prop_map(move |(count, extra, lists, seed)| {
        let mut bits = seed;
        let mut next = move || {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            bits >> 16
        };
        let fixed = fixed.iter().map(|name| Column {
            name: (*name).to_owned(),
            scalar: Scalar::F64,
        });
        let extra = extra.iter().enumerate().map(|(i, scalar)| Column {
            name: format!("c{i}"),
            scalar: *scalar,
        });
        let columns: Vec<Column> = fixed.chain(extra).collect();
        let rows = (0..count)
            .flat_map(|_| {
                columns
                    .iter()
                    .flat_map(|c| value(c.scalar, next() % (1 << 40)))
                    .collect::<Vec<_>>()
            })
            .collect();
        let mut after: Vec<usize> = lists
            .iter()
            .map(|(.., after)| (*after).min(columns.len()))
            .collect();
        after.sort_unstable();
        let lists = lists.iter().zip(after).enumerate().map(
            |(i, ((count_type, item, _), after_columns))| {
                let counts: Vec<u32> = (0..count).map(|_| (next() % 5) as u32).collect();
                let items = (0..counts.iter().sum())
                    .flat_map(|_| value(*item, next()))
                    .collect();
                List {
                    name: format!("l{i}"),
                    count: *count_type,
                    item: *item,
                    after_columns,
                    counts,
                    items,
                }
            },
        );
        let lists = lists.collect();
        Element {
            name: name.to_owned(),
            count,
            columns,
            rows,
            lists,
        }
    })
}

fn tables() -> impl Strategy<Value = Table> {
    (
        elements("camera", &[]),
        elements("vertex", &["x", "y", "z"]),
        elements("face", &[]),
        0usize..3,
    )
        .prop_map(|(camera, vertex, face, points)| {
            let mut elements = vec![camera, face];
            elements.insert(points, vertex);
            Table {
                elements,
                points,
                comments: vec!["comment made of thin air".into(), "obj_info 7".into()],
            }
        })
}

/// Converts the binary little-endian file to another encoding with independent code, value by
/// value.
fn re_encode(table: &Table, format: &str) -> Vec<u8> {
    let little = write::ply(table);
    let header_end = little
        .windows(11)
        .position(|w| w == b"end_header\n")
        .unwrap()
        + 11;
    let mut out = String::from_utf8(little[..header_end].to_vec())
        .unwrap()
        .replace("binary_little_endian", format)
        .into_bytes();
    let mut body = &little[header_end..];
    for element in &table.elements {
        for row in 0..element.count {
            for property in element.properties() {
                let values: Vec<Scalar> = match property {
                    Property::Column(column) => vec![element.columns[column].scalar],
                    Property::List(list) => {
                        let list = &element.lists[list];
                        std::iter::once(list.count)
                            .chain(std::iter::repeat_n(list.item, list.counts[row] as usize))
                            .collect()
                    }
                };
                for scalar in values {
                    let (value, rest) = body.split_at(scalar.size());
                    body = rest;
                    match (format, scalar) {
                        ("ascii", Scalar::F32) => out.extend(
                            format!("{} ", f32::from_le_bytes(value.try_into().unwrap())).bytes(),
                        ),
                        ("ascii", _) => out.extend(format!("{} ", scalar.read(value)).bytes()),
                        _ => out.extend(value.iter().rev()),
                    }
                }
            }
            if format == "ascii" {
                out.push(b'\n');
            }
        }
    }
    out
}

/// Only ASCII blanks separate words in both formats.
#[test]
fn names_end_in_what_unicode_calls_blank() {
    for name in ["a\u{a0}", "b\u{85}", "\u{2003}"] {
        let of_ply = format!(
            "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nproperty uchar {name}\nend_header\n1 2 3 4\n"
        );
        let of_pcd = format!(
            "VERSION .7\nFIELDS x y z {name}\nSIZE 4 4 4 1\nTYPE F F F U\nCOUNT 1 1 1 1\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3 4\n"
        );
        for file in [of_ply, of_pcd] {
            let table = read_silently(file.as_bytes()).unwrap().table;
            assert_eq!(table.point_rows().columns[3].name, name);
            let again = read_silently(&write::ply(&table)).unwrap().table;
            assert_eq!(again.elements, table.elements);
        }
    }
}

proptest! {
    #[test]
    fn ply_tables_return_from_every_encoding(table in tables()) {
        for bytes in [write::ply(&table), re_encode(&table, "binary_big_endian"), re_encode(&table, "ascii")] {
            let scan = read_silently(&bytes).unwrap();
            prop_assert_eq!(&scan.table, &table);
        }
    }

    #[test]
    fn pcd_fields_return_from_every_encoding(
        extra in proptest::collection::vec((0usize..10, 1usize..4, any::<bool>()), 0..5), at in any::<prop::sample::Index>(), count in 1usize..40, seed in any::<u64>(),
    ) {
        const KINDS: [(char, usize); 10] =
            [('I', 1), ('I', 2), ('I', 4), ('I', 8), ('U', 1), ('U', 2), ('U', 4), ('U', 8), ('F', 4), ('F', 8)];
        let mut fields: Vec<(String, (char, usize), usize)> =
            extra.iter().enumerate().map(|(i, (kind, n, padding))| (if *padding { "_".to_owned() } else { format!("f{i}") }, KINDS[*kind], *n)).collect();
        let at = at.index(fields.len() + 1);
        fields.splice(at..at, ["x", "y", "z"].map(|name| (name.to_owned(), ('F', 8), 1)));
        // [field][point] -> bytes, and the number that they encode
        let mut bits = seed;
        let values: Vec<Vec<Vec<(Vec<u8>, String)>>> = fields.iter().map(|(_, (kind, size), n)| (0..count).map(|_| (0..*n).map(|_| {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let v = (bits >> 40) as i64 % (1 << (8 * size - 1).min(20));
            match (kind, size) {
                ('F', 4) => ((v as f32 / 64.0).to_le_bytes().to_vec(), (v as f64 / 64.0).to_string()),
                ('F', _) => ((v as f64 / 64.0).to_le_bytes().to_vec(), (v as f64 / 64.0).to_string()),
                _ => (v.to_le_bytes()[..*size].to_vec(), v.to_string()),
            }
        }).collect()).collect()).collect();
        let join = |f: &dyn Fn(&(String, (char, usize), usize)) -> String| fields.iter().map(f).collect::<Vec<_>>().join(" ");
        let header = |data: &str| format!(
            "# .PCD v0.7\nVERSION 0.7\nFIELDS {}\nSIZE {}\nTYPE {}\nCOUNT {}\nWIDTH {count}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {count}\nDATA {data}\n",
            join(&|f| f.0.clone()), join(&|f| f.1.1.to_string()), join(&|f| f.1.0.to_string()), join(&|f| f.2.to_string()),
        );
        let by_field: Vec<u8> = values.iter().flatten().flatten().flat_map(|(bytes, _)| bytes.clone()).collect();
        let by_point: Vec<u8> = (0..count).flat_map(|i| values.iter().flat_map(|f| f[i].iter().flat_map(|(bytes, _)| bytes.clone()).collect::<Vec<_>>()).collect::<Vec<_>>()).collect();
        let text: String = (0..count).map(|i| values.iter().flat_map(|f| f[i].iter().map(|(_, text)| text.as_str())).collect::<Vec<_>>().join(" ") + "\n").collect();
        let packed = encode_literally(&by_field);
        let compressed = [&(packed.len() as u32).to_le_bytes(), &(by_field.len() as u32).to_le_bytes(), packed.as_slice()].concat();
        for (data, body) in [("ascii", text.as_bytes()), ("binary", &by_point), ("binary_compressed", &compressed)] {
            let scan = read_silently(&file(&header(data), body)).unwrap();
            let points = scan.table.point_rows();
            prop_assert_eq!(points.columns.len(), fields.iter().filter(|f| f.0 != "_").map(|f| f.2).sum::<usize>());
            for ((name, _, n), values) in fields.iter().zip(&values).filter(|(f, _)| f.0 != "_") {
                for k in 0..*n {
                    let column = points.column(&if *n == 1 { name.clone() } else { format!("{name}_{k}") }).unwrap();
                    let found: Vec<f64> = column.values().collect();
                    let wanted: Vec<f64> = values.iter().map(|point| point[k].1.parse().unwrap()).collect();
                    prop_assert_eq!(found, wanted, "{} of {}", name, data);
                }
            }
        }
    }
}
