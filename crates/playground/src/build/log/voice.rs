//! What applications write to their logs, in the manner of their language or product. Must not know when they do.

use jiff::Timestamp;
use serde_json::json;

use crate::build::workload::{Voice, Workload, tag};

/// Why a call fails, as a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure {
    /// The address answers with a reset: nothing listens, or the Service has no endpoints.
    Refused,
    /// No answer at all.
    TimedOut,
    /// The name does not resolve.
    NoSuchHost,
    /// No name server answers.
    LookupFailed,
}

/// The other side of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// DNS name.
    pub host: String,
    /// Address behind the name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Path, or `""` for a protocol other than HTTP.
    pub path: String,
    /// What answers there.
    pub voice: Voice,
}

/// Severity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Routine.
    Info,
    /// Odd.
    Warn,
    /// Failure.
    Error,
}

/// A line of an application: `message` at a level.
pub fn line(workload: &Workload, pod: &str, level: Level, at: Timestamp, message: &str) -> String {
    let millis = at.as_millisecond();
    match workload.voice {
        Voice::Node => json!({
            "level": match level { Level::Info => 30, Level::Warn => 40, Level::Error => 50 },
            "time": millis, "pid": 1, "hostname": pod, "msg": message
        })
        .to_string(),
        Voice::Go => json!({
            "time": format!("{at:.6}"), "level": word(level, ["INFO", "WARN", "ERROR"]), "msg": message
        })
        .to_string(),
        Voice::Java => format!(
            "{} {:>5} 1 --- [{}] {} : {message}",
            at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
            word(level, ["INFO", "WARN", "ERROR"]),
            format_args!("nio-{}-exec-{}", workload.port, millis % 9 + 1),
            "c.e.service.web.RequestHandler              "
        ),
        Voice::Python => format!(
            "{} {} service.app {message}",
            at.strftime("%Y-%m-%d %H:%M:%S,%3f"),
            word(level, ["INFO", "WARNING", "ERROR"])
        ),
        Voice::Postgres => format!(
            "{} UTC [{}] {}:  {message}",
            at.strftime("%Y-%m-%d %H:%M:%S%.3f"),
            millis % 400 + 30,
            word(level, ["LOG", "WARNING", "FATAL"])
        ),
        Voice::Redis => format!("1:M {} * {message}", at.strftime("%d %b %Y %H:%M:%S%.3f")),
        Voice::Kafka => format!(
            "[{}] {} {message} (kafka.server.KafkaServer)",
            at.strftime("%Y-%m-%d %H:%M:%S,%3f"),
            word(level, ["INFO", "WARN", "ERROR"])
        ),
        Voice::Search => format!(
            "[{}][{}][o.o.n.Node              ] [{pod}] {message}",
            at.strftime("%Y-%m-%dT%H:%M:%S,%3f"),
            word(level, ["INFO ", "WARN ", "ERROR"])
        ),
        Voice::Nginx | Voice::System => klog(level, at, "main.go:104", message),
    }
}

/// A line in the format of klog.
pub fn klog(level: Level, at: Timestamp, place: &str, message: &str) -> String {
    format!(
        "{}{}       1 {place}] {message}",
        word(level, ["I", "W", "E"]),
        at.strftime("%m%d %H:%M:%S%.6f")
    )
}

/// A request that an application served.
pub fn request(
    workload: &Workload,
    pod: &str,
    at: Timestamp,
    path: &str,
    status: u16,
    took_ms: i64,
) -> String {
    let level = if status >= 500 { Level::Error } else { Level::Info };
    match workload.voice {
        Voice::Node => json!({
            "level": if status >= 500 { 50 } else { 30 }, "time": at.as_millisecond(), "pid": 1, "hostname": pod,
            "req": { "method": "GET", "url": path }, "res": { "statusCode": status }, "responseTime": took_ms,
            "msg": if status >= 500 { "request errored" } else { "request completed" }
        })
        .to_string(),
        Voice::Go => json!({
            "time": format!("{at:.6}"), "level": word(level, ["INFO", "WARN", "ERROR"]), "msg": "request",
            "method": "GET", "path": path, "status": status, "duration_ms": took_ms
        })
        .to_string(),
        _ => line(workload, pod, level, at, &format!("\"GET {path} HTTP/1.1\" {status} {took_ms}ms")),
    }
}

/// What a client of the caller's language says when a call fails.
pub fn failure(caller: Voice, why: CallFailure, peer: &Peer) -> String {
    let Peer {
        host,
        address,
        port,
        path,
        ..
    } = peer;
    let url = format!("http://{host}:{port}{path}");
    match (caller, why) {
        (Voice::Node, CallFailure::Refused) => {
            format!("upstream call failed: connect ECONNREFUSED {address}:{port} (GET {url})")
        }
        (Voice::Node, CallFailure::TimedOut) => {
            format!("upstream call failed: connect ETIMEDOUT {address}:{port} (GET {url})")
        }
        (Voice::Node, CallFailure::NoSuchHost) => {
            format!("upstream call failed: getaddrinfo ENOTFOUND {host} (GET {url})")
        }
        (Voice::Node, CallFailure::LookupFailed) => {
            format!("upstream call failed: getaddrinfo EAI_AGAIN {host} (GET {url})")
        }
        (Voice::Java, why) => java_failure(why, peer),
        (Voice::Python, why) => python_failure(why, peer),
        (_, why) => go_failure(why, peer),
    }
}

fn go_failure(why: CallFailure, peer: &Peer) -> String {
    let Peer {
        host,
        address,
        port,
        path,
        ..
    } = peer;
    let cause = match why {
        CallFailure::Refused => format!("dial tcp {address}:{port}: connect: connection refused"),
        CallFailure::TimedOut => format!("dial tcp {address}:{port}: i/o timeout"),
        CallFailure::NoSuchHost => format!("dial tcp: lookup {host} on 10.100.0.10:53: no such host"),
        CallFailure::LookupFailed => {
            format!(
                "dial tcp: lookup {host} on 10.100.0.10:53: read udp {address}:41873->10.100.0.10:53: read: connection refused"
            )
        }
    };
    if path.is_empty() {
        cause
    } else {
        format!("Get \"http://{host}:{port}{path}\": {cause}")
    }
}

fn java_failure(why: CallFailure, peer: &Peer) -> String {
    let Peer {
        host,
        address,
        port,
        path,
        voice,
    } = peer;
    let cause = match why {
        CallFailure::Refused => "Connection refused".to_owned(),
        CallFailure::TimedOut => "Connect timed out".to_owned(),
        CallFailure::NoSuchHost => host.clone(),
        CallFailure::LookupFailed => format!("{host}: Temporary failure in name resolution"),
    };
    if path.is_empty() {
        let class = match why {
            CallFailure::Refused => "java.net.ConnectException",
            CallFailure::TimedOut => "java.net.SocketTimeoutException",
            CallFailure::NoSuchHost | CallFailure::LookupFailed => "java.net.UnknownHostException",
        };
        if *voice != Voice::Postgres {
            return format!("{class}: {cause}: {host}/{address}:{port}");
        }
        return format!(
            "HikariPool-1 - Exception during pool initialization. org.postgresql.util.PSQLException: The connection \
             attempt failed. Caused by: {class}: {cause} (jdbc:postgresql://{host}:{port})"
        );
    }
    format!(
        "org.springframework.web.client.ResourceAccessException: I/O error on GET request for \
         \"http://{host}:{port}{path}\": {cause}"
    )
}

fn python_failure(why: CallFailure, peer: &Peer) -> String {
    let Peer {
        host,
        address,
        port,
        path,
        voice,
    } = peer;
    let cause = match why {
        CallFailure::Refused => "[Errno 111] Connection refused",
        CallFailure::TimedOut => "[Errno 110] Connection timed out",
        CallFailure::NoSuchHost => "[Errno -2] Name or service not known",
        CallFailure::LookupFailed => "[Errno -3] Temporary failure in name resolution",
    };
    if path.is_empty() && *voice != Voice::Postgres {
        return format!("redis.exceptions.ConnectionError: Error connecting to {host}:{port}. {cause}");
    }
    if path.is_empty() {
        return match why {
            CallFailure::NoSuchHost => format!(
                "psycopg.OperationalError: [Errno -2] Name or service not known: could not translate host name \"{host}\" to address"
            ),
            CallFailure::LookupFailed => format!(
                "psycopg.OperationalError: [Errno -3] Temporary failure in name resolution: could not translate host name \"{host}\" to address"
            ),
            _ => format!(
                "psycopg.OperationalError: connection to server at \"{host}\" ({address}), port {port} failed: {}",
                cause.rsplit("] ").next().unwrap_or(cause)
            ),
        };
    }
    format!(
        "requests.exceptions.ConnectionError: HTTPConnectionPool(host='{host}', port={port}): Max retries exceeded \
         with url: {path} (Caused by NewConnectionError('<urllib3.connection.HTTPConnection object>: Failed to \
         establish a new connection: {cause}'))"
    )
}

/// What an application says when it starts.
pub fn greeting(workload: &Workload, version: (u64, u64, u64)) -> Vec<String> {
    let port = workload.port;
    let version = tag(version);
    match workload.voice {
        Voice::Node => vec![
            format!("starting version {version}"),
            format!("server listening on 0.0.0.0:{port}"),
        ],
        Voice::Go => vec![
            format!("starting, version {version}"),
            format!("listening on :{port}"),
        ],
        Voice::Java => vec![
            format!("Starting ServiceApplication v{version} using Java 21.0.7 with PID 1"),
            format!("Tomcat started on port {port} (http) with context path '/'"),
            "Started ServiceApplication in 7.412 seconds (process running for 8.03)".to_owned(),
        ],
        Voice::Python => vec![
            format!("[1] [INFO] Starting gunicorn 23.0.0, application {version}"),
            format!("[1] [INFO] Listening at: http://0.0.0.0:{port} (1)"),
        ],
        Voice::Postgres => vec![
            "starting PostgreSQL 16.9 on x86_64-pc-linux-gnu".to_owned(),
            "database system is ready to accept connections".to_owned(),
        ],
        Voice::Redis => vec!["Ready to accept connections tcp".to_owned()],
        Voice::Kafka => vec!["[KafkaServer id=0] started".to_owned()],
        Voice::Search => vec!["started".to_owned()],
        Voice::Nginx => vec!["Starting NGINX Ingress controller".to_owned()],
        Voice::System => vec![format!("Starting {} {version}", workload.name)],
    }
}

/// A routine line of a product that serves no HTTP.
pub fn routine(voice: Voice, turn: i64) -> String {
    match voice {
        Voice::Postgres if turn % 2 == 0 => "checkpoint starting: time".to_owned(),
        Voice::Postgres => format!(
            "checkpoint complete: wrote {} buffers (0.6%); 0 WAL file(s) added",
            40 + turn % 60
        ),
        Voice::Redis => format!("{} changes in 60 seconds. Saving...", 100 + turn % 700),
        Voice::Kafka => {
            "[GroupCoordinator 0]: Stabilized group orders generation 14 with 2 members".to_owned()
        }
        Voice::Search => "updating index settings for [items]".to_owned(),
        _ => format!("Synced {} objects", 20 + turn % 9),
    }
}

fn word(level: Level, words: [&'static str; 3]) -> &'static str {
    match level {
        Level::Info => words[0],
        Level::Warn => words[1],
        Level::Error => words[2],
    }
}
