//! Command line of the trainer: segment, lift, track, synth, prepare, perceive, train, pseudo, rank,
//! ablate, eval, report, import, export, vocabulary, name, bench, completions, manual.

mod allocator;
mod commands;

use clap::{CommandFactory as _, Parser, Subcommand};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(commands::bench::Bench),
    Segment(commands::segment::Segment),
    Lift(commands::lift::Lift),
    Track(commands::track::Track),
    Synth(commands::synth::Synth),
    Prepare(commands::prepare::Prepare),
    Perceive(commands::perceive::Perceive),
    Train(commands::train::Train),
    Pseudo(commands::pseudo::Pseudo),
    Ablate(commands::ablate::Ablate),
    Eval(commands::eval::Eval),
    Rank(commands::rank::Rank),
    Report(commands::report::Report),
    Export(commands::export::Export),
    Import(commands::import::Import),
    Vocabulary(commands::vocabulary::Vocabulary),
    Name(commands::name::Name),
    Completions(commands::shell::Completions),
    Manual(commands::shell::Manual),
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    allocator::keep_freed_memory();
    match Cli::parse().command {
        Command::Bench(command) => command.run(),
        Command::Segment(command) => command.run(),
        Command::Lift(command) => command.run(),
        Command::Track(command) => command.run(),
        Command::Synth(command) => command.run(),
        Command::Prepare(command) => command.run(),
        Command::Perceive(command) => command.run(),
        Command::Train(command) => command.run(),
        Command::Pseudo(command) => command.run(),
        Command::Ablate(command) => command.run(),
        Command::Eval(command) => command.run(),
        Command::Rank(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Vocabulary(command) => command.run(),
        Command::Name(command) => command.run(),
        Command::Completions(command) => {
            command.run(Cli::command());
            Ok(())
        }
        Command::Manual(command) => command.run(Cli::command()),
    }
}
