//! Programs that a story starts and that end with it.

use std::{
    env,
    fs::{self, File},
    io::ErrorKind,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, time::sleep};

/// Time between two checks of a condition.
const LOOK: Duration = Duration::from_millis(50);

/// Cargo's folder of this project's programs: `target/debug` for a test in `target/debug/deps`.
pub fn built() -> PathBuf {
    let test = env::current_exe().expect("the test's own path");
    test.ancestors()
        .nth(2)
        .expect("a test is in target/PROFILE/deps")
        .to_owned()
}

/// A command that runs a program of this project.
pub fn program(name: &str) -> Command {
    let path = built().join(name);
    assert!(
        path.is_file(),
        "{} is missing: build it with `cargo build --workspace --exclude web --bins`",
        path.display()
    );
    Command::new(path)
}

/// A port that no program listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.expect("a free port on the loopback device").port()
}

/// A running program.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program, with its output written to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let out = File::create(log).expect("a log file");
        let err = out.try_clone().expect("a second handle on it");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.unwrap_or_else(|error| {
            let name = command.get_program().to_string_lossy();
            match error.kind() {
                ErrorKind::NotFound => panic!("{name} is missing: `cargo xtask test --only stories` installs what the tests need"),
                _ => panic!("{name} does not start: {error}"),
            }
        });
        Self {
            child,
            log: log.to_owned(),
        }
    }

    /// Waits until the program listens on `port`.
    pub async fn listens(&mut self, port: u16, within: Duration) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("it ended at once, {status}:\n{}", self.log());
            }
            assert!(
                start.elapsed() < within,
                "it does not listen after {within:?}:\n{}",
                self.log()
            );
            sleep(LOOK).await;
        }
    }

    /// The output so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A program that has already ended cannot be killed and need not be.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
