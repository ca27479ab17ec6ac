//! `trainer completions` and `trainer manual`: what a shell and `man` know of the commands.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;

/// Print what completes the commands and options in a shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell, as in: trainer completions bash > ~/.local/share/bash-completion/completions/trainer
    shell: Shell,
}

/// Write manual pages: trainer.1 and one for each command.
#[derive(Debug, Args)]
pub struct Manual {
    /// Folder for the pages, as in: trainer manual ~/.local/share/man/man1
    folder: PathBuf,
}

impl Completions {
    /// Prints the completions of `program`.
    pub fn run(&self, mut program: Command) {
        clap_complete::generate(self.shell, &mut program, "trainer", &mut io::stdout());
    }
}

impl Manual {
    /// Writes the pages of `program`.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn run(&self, program: Command) -> anyhow::Result<()> {
        let Self { folder } = self;
        write(program, folder).with_context(|| format!("cannot write to {}", folder.display()))
    }
}

fn write(program: Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(program, folder)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Parser)]
    #[command(name = "trainer", about = "Programs of a test")]
    enum Program {
        /// Print completions.
        Completions(Completions),
    }

    #[test]
    fn there_is_a_page_for_the_program_and_for_each_command() {
        let folder = tempfile::tempdir().expect("a folder");
        let manual = Manual {
            folder: folder.path().join("man1"),
        };
        manual.run(Program::command()).expect("pages");
        let page = |name: &str| std::fs::read_to_string(manual.folder.join(name)).expect("a page");
        assert!(page("trainer.1").contains("Programs of a test"));
        assert!(page("trainer-completions.1").contains("bash"));
    }
}
