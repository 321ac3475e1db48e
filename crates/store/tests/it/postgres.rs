//! The contract on a throwaway PostgreSQL (15 or newer) that the test starts: a socket in a directory of its
//! own, no TCP port.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::contract;
use crate::database::{Database, Directory};

const USER: &str = "dogwatch";

/// Uid and gid of `nobody`: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;

/// Nothing of this outlives the test, so nothing needs to reach the disk.
const SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "port=5432",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "lc_messages=C",
    "log_destination=stderr",
];

/// One test for all cases: they share the server, each with a database of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_contract() {
    let Some(server) = Server::start() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "no PostgreSQL server binaries: install the package postgresql"
        );
        println!("skipped: no PostgreSQL server binaries found");
        return;
    };
    macro_rules! on_the_server {
        ($($module:ident::$case:ident,)*) => {
            $(
                let case = stringify!($case);
                println!("{case}");
                contract::$module::$case(&server.database().await).await;
            )*
        };
    }
    contract::for_each_case!(on_the_server);
}

/// A running server; stopped and removed when dropped.
struct Server {
    binaries: PathBuf,
    directory: Directory,
    process: Child,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server; `None` when none is installed.
    fn start() -> Option<Self> {
        let binaries = binaries()?;
        // Not the configured temporary directory: a socket's path must be short, and `nobody` must get there.
        let directory = Directory::new_in(Path::new("/tmp"), "pg");
        if is_root() {
            chown(&directory.0, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = directory.0.join("data");
        let made = unprivileged(&binaries.join("initdb"), &directory)
            .arg("-D")
            .arg(&data)
            .args([
                "-U",
                USER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut process = unprivileged(&binaries.join("postgres"), &directory)
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&directory.0)
            .args(SETTINGS.into_iter().flat_map(|setting| ["-c", setting]))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = process.stderr.take().unwrap();
        let server = Self {
            binaries,
            directory,
            process,
            databases: AtomicU32::new(0),
        };
        wait_until_ready(log);
        Some(server)
    }

    /// A new, empty database.
    async fn database(&self) -> Database {
        let name = format!("case_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        // A language whose order is not that of the bytes, as in most installations.
        let create =
            format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
        sqlx::query(AssertSqlSafe(create))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        Database::postgres(self.url(&name))
    }

    fn url(&self, database: &str) -> String {
        let socket = self.directory.0.display();
        format!("postgres://{USER}@localhost:5432/{database}?host={socket}&sslmode=disable")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = unprivileged(&self.binaries.join("pg_ctl"), &self.directory)
            .arg("-D")
            .arg(self.directory.0.join("data"))
            .args(["-m", "immediate", "-s", "stop"])
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            self.process.kill().ok();
        }
        self.process.wait().ok();
    }
}

/// A command that drops root's rights, and ends when the test is killed.
fn unprivileged(program: &Path, directory: &Directory) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command
            .arg(format!("--reuid={NOBODY}"))
            .arg(format!("--regid={NOBODY}"))
            .arg("--clear-groups");
    }
    command
        .args(["--pdeathsig=QUIT", "--"])
        .arg(program)
        .current_dir(&directory.0)
        .stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Reads the server's log until it takes connections, and lets the rest run off.
fn wait_until_ready(log: ChildStderr) {
    let mut log = BufReader::new(log);
    let mut seen = String::new();
    while !seen.contains("ready to accept connections") {
        let read = log.read_line(&mut seen).unwrap();
        assert!(read > 0, "PostgreSQL did not start:\n{seen}");
    }
    std::thread::spawn(move || io::copy(&mut log, &mut io::sink()));
}

/// The folder of the server's programs: as `pg_config` says, else the newest of Debian's.
fn binaries() -> Option<PathBuf> {
    let configured = Command::new("pg_config")
        .arg("--bindir")
        .output()
        .ok()
        .map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut packaged: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    packaged.sort();
    configured
        .into_iter()
        .chain(packaged.into_iter().rev())
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}
