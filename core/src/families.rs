//! The tables of odd and hostile files of the tests: one for each family of formats, every file with
//! its right answer.

use std::{
    collections::HashSet,
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// The least number of files in a table.
const FEWEST: usize = 60;

/// How many times the most bytes that it may hold a reader may ask for in all. What it asks for is
/// what it writes, so this bounds its work without a clock.
const TURNOVER: u64 = 4;

/// The bytes that a reader may hold at once.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// However small a file is: decoders have windows and tables of their own.
    pub(crate) always: u64,
    /// For a byte of a file.
    pub(crate) per_byte: u64,
}

impl Memory {
    /// The bound of readers whose decoders have no large tables.
    pub(crate) const fn per_byte(per_byte: u64) -> Self {
        Self {
            always: 1 << 20,
            per_byte,
        }
    }
}

/// Checks the table of a family: `check` says how a file was answered if that is not the right
/// answer.
///
/// # Panics
/// If an answer is wrong, a reader panics or asks for more memory than the bytes of its file
/// justify, or the table is too short or repeats itself.
pub(crate) fn assert_right<A: Debug>(
    family: &str,
    allowed: Memory,
    cases: &[(String, Vec<u8>, A)],
    check: impl Fn(&[u8], &A) -> Result<(), String>,
) {
    let mut wrong = Vec::new();
    let (mut names, mut files) = (HashSet::new(), HashSet::new());
    for (name, bytes, wanted) in cases {
        if !names.insert(name) || !files.insert(bytes) {
            wrong.push(format!("{name}: the table has it already"));
        }
        let mut answer = Ok(Ok(()));
        let memory = allocation_counter::measure(|| {
            answer = catch_unwind(AssertUnwindSafe(|| check(bytes, wanted)));
        });
        match answer {
            Ok(Ok(())) => {}
            Ok(Err(found)) => wrong.push(format!("{name}: {wanted:?}, but {found}")),
            Err(_) => wrong.push(format!("{name}: the reader panicked")),
        }
        let most = allowed.always + allowed.per_byte * bytes.len() as u64;
        if memory.bytes_max > most || memory.bytes_total > TURNOVER * most {
            wrong.push(format!(
                "{name}: held {} bytes at once and {} in all for a file of {}, the limits are {most} and {}",
                memory.bytes_max,
                memory.bytes_total,
                bytes.len(),
                TURNOVER * most
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{family}: {} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        cases.len() >= FEWEST,
        "the table of {family} has {} files, the least is {FEWEST}",
        cases.len()
    );
}

mod tests {
    use super::*;

    /// A table of so many files of one byte each.
    fn table(files: usize) -> Vec<(String, Vec<u8>, ())> {
        let file = |number: usize| (format!("file {number}"), vec![number as u8], ());
        (0..files).map(file).collect()
    }

    #[test]
    #[should_panic(expected = "the table of odd has 59 files, the least is 60")]
    fn a_short_table_fails() {
        assert_right("odd", Memory::per_byte(1), &table(FEWEST - 1), |_, ()| {
            Ok(())
        });
    }

    #[test]
    #[should_panic(expected = "file 0: the table has it already")]
    fn a_table_that_repeats_itself_fails() {
        let twice = [table(FEWEST), table(1)].concat();
        assert_right("odd", Memory::per_byte(1), &twice, |_, ()| Ok(()));
    }

    #[test]
    #[should_panic(expected = "file 7: held 2097152 bytes at once")]
    fn a_reader_that_takes_too_much_fails() {
        let check = |bytes: &[u8], (): &()| {
            let size = if bytes[0] == 7 { 2 << 20 } else { 0 };
            std::hint::black_box(Vec::<u8>::with_capacity(size));
            Ok(())
        };
        assert_right("odd", Memory::per_byte(1), &table(FEWEST), check);
    }

    #[test]
    #[should_panic(expected = "file 7: the reader panicked")]
    fn a_reader_that_panics_fails() {
        let check = |bytes: &[u8], (): &()| {
            assert_ne!(bytes[0], 7);
            Ok(())
        };
        assert_right("odd", Memory::per_byte(1), &table(FEWEST), check);
    }
}
