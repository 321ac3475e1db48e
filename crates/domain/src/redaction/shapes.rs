//! The shapes of secrets that redaction knows. Documented for users in `docs/redaction.md`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A shape: its name in the placeholder, and a pattern whose group `s` is the secret (or the whole match).
struct Shape {
    kind: &'static str,
    pattern: &'static str,
}

/// Words in a setting's name that say that its value is secret.
const SECRET_WORDS: &str = r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_.-]?key|apikey|access[_.-]?key|private[_.-]?key|signing[_.-]?key|encryption[_.-]?key|account[_.-]?key|credentials?|client[_.-]?secret|auth(?:orization)?|cookie|session[_.-]?id|conn(?:ection)?[_.-]?str(?:ing)?|dsn|webhook[_.-]?url";

/// Applied in this order; earlier ones are more specific.
const SHAPES: &[Shape] = &[
    Shape {
        kind: "pem",
        pattern: r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|\z)",
    },
    Shape {
        kind: "jwt",
        pattern: r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    },
    Shape {
        kind: "aws-key-id",
        pattern: r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b",
    },
    Shape {
        kind: "google-key",
        pattern: r"\bAIza[0-9A-Za-z_-]{35}",
    },
    Shape {
        kind: "google-token",
        pattern: r"\bya29\.[0-9A-Za-z_-]{20,}",
    },
    Shape {
        kind: "github-token",
        pattern: r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})",
    },
    Shape {
        kind: "gitlab-token",
        pattern: r"\bglpat-[A-Za-z0-9_-]{20,}",
    },
    Shape {
        kind: "slack-token",
        pattern: r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}",
    },
    Shape {
        kind: "slack-webhook",
        pattern: r"https://hooks\.slack\.com/(?P<s>[A-Za-z0-9/_-]{10,})",
    },
    Shape {
        kind: "stripe-key",
        pattern: r"\b(?:sk|rk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{16,}",
    },
    Shape {
        kind: "api-key",
        pattern: r"\bsk-(?:[A-Za-z]+-)*[A-Za-z0-9_-]{20,}",
    },
    Shape {
        kind: "npm-token",
        pattern: r"\bnpm_[A-Za-z0-9]{36}",
    },
    Shape {
        kind: "azure-key",
        pattern: r"(?i)\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)=(?P<s>[^;\s]{8,})",
    },
    Shape {
        kind: "basic-auth",
        pattern: r"(?i)\b(?:basic|bearer)\s+(?P<s>[A-Za-z0-9+/=._~-]{8,})",
    },
    Shape {
        kind: "userinfo",
        pattern: r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:(?P<s>[^\s/@]+(?:@[^\s/@]+)*)@",
    },
];

static COMPILED: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    SHAPES
        .iter()
        .filter_map(|shape| Regex::new(shape.pattern).ok().map(|regex| (shape.kind, regex)))
        .collect()
});

/// `password=…`, `"apiToken": "…"`, `DB_PASSWORD: …`, `--password …`, `-p` forms excepted.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = format!(
        r#"(?i)(?P<k>[A-Za-z0-9_.\-]*(?:{SECRET_WORDS})[A-Za-z0-9_\-]*)(?P<q>\\?["']?\s*(?:=>|:=|[=:])\s*|\s+is\s+|(?-u:\b)["']?\s*,\s*\\?["']?value\\?["']?\s*:\s*)(?P<s>\\?"(?:[^"\\]|\\[^"])*\\?"|'[^']*'|[^\s,;&}}\])"']+)"#
    );
    Regex::new(&pattern).ok()
});

/// A flag begins a word: the `-password` of `db-password` is none.
static FLAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r#"(?i)(?:^|[\s"'`\[(,=])(?P<k>--?[A-Za-z0-9\-]*(?:{SECRET_WORDS})[A-Za-z0-9\-]*)\s+(?P<s>[^\s"',\-][^\s"',]*)"#
    ))
    .ok()
});

static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i)(?:^|[^a-z]|[a-z])(?:{SECRET_WORDS})(?:$|[^a-z]|s$|s[^a-z]|[A-Z])"
    ))
    .ok()
});

/// Long runs of letters and digits, as in base64 keys.
static DENSE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_-]{32,}={0,2}").ok());

/// True when a setting of this name usually holds a secret.
pub fn is_secret_key(name: &str) -> bool {
    let names_a_reference = |suffix: &str| name.to_ascii_lowercase().ends_with(suffix);
    let reference = [
        "name", "ref", "file", "path", "_url", "url", "mount", "policy", "timeout", "ttl", "expiry",
        "seconds", "count",
    ];
    let webhook = name.to_ascii_lowercase().contains("webhook");
    KEY.as_ref().is_some_and(|key| key.is_match(name))
        && (webhook || !reference.iter().any(|r| names_a_reference(r)))
}

/// True when a value under a secret key is worth hiding: not a boolean, a number of few digits or a reference.
pub(super) fn is_secret_value(value: &str) -> bool {
    let plain = matches!(
        value,
        "true"
            | "false"
            | "null"
            | "none"
            | "nil"
            | "disabled"
            | "enabled"
            | "required"
            | "<nil>"
            | "{}"
            | "[]"
            | "\"\""
            | "''"
    );
    let few_digits = value.len() < 4 && value.bytes().all(|b| b.is_ascii_digit());
    let done = value.starts_with("[redacted:");
    let variable = value.starts_with("$(") || value.starts_with("${") || value.starts_with("{{");
    !(value.is_empty() || plain || few_digits || done || variable)
}

/// Replaces every secret in `text` by what `placeholder` gives for its kind and value.
pub(super) fn replace(text: &str, placeholder: impl Fn(&str, &str) -> String) -> String {
    let mut out = text.to_owned();
    for (kind, regex) in COMPILED.iter() {
        if regex.is_match(&out) {
            out = regex
                .replace_all(&out, |found: &Captures<'_>| substitute(found, kind, &placeholder))
                .into_owned();
        }
    }
    for regex in [ASSIGNMENT.as_ref(), FLAG.as_ref()].into_iter().flatten() {
        if regex.is_match(&out) {
            out = regex
                .replace_all(&out, |found: &Captures<'_>| assignment(found, &placeholder))
                .into_owned();
        }
    }
    if let Some(dense) = DENSE.as_ref().filter(|dense| dense.is_match(&out)) {
        out = dense
            .replace_all(&out, |found: &Captures<'_>| dense_value(&found[0], &placeholder))
            .into_owned();
    }
    out
}

fn substitute(found: &Captures<'_>, kind: &str, placeholder: &impl Fn(&str, &str) -> String) -> String {
    let whole = found.get(0).map_or("", |m| m.as_str());
    let Some(secret) = found.name("s") else {
        return placeholder(kind, whole);
    };
    if !is_secret_value(secret.as_str()) {
        return whole.to_owned();
    }
    let start = found.get(0).map_or(0, |m| m.start());
    let (from, to) = (secret.start() - start, secret.end() - start);
    format!(
        "{}{}{}",
        &whole[..from],
        placeholder(kind, secret.as_str()),
        &whole[to..]
    )
}

fn assignment(found: &Captures<'_>, placeholder: &impl Fn(&str, &str) -> String) -> String {
    let whole = found.get(0).map_or("", |m| m.as_str());
    let (Some(key), Some(secret)) = (found.name("k"), found.name("s")) else {
        return whole.to_owned();
    };
    let bare = secret.as_str().trim_matches(['"', '\'', '\\']);
    let scheme = matches!(bare.to_ascii_lowercase().as_str(), "basic" | "bearer");
    let trimmed_key = key.as_str().trim_start_matches('-');
    if scheme || !is_secret_key(trimmed_key) || !is_secret_value(bare) || is_prose(bare) {
        return whole.to_owned();
    }
    let start = found.get(0).map_or(0, |m| m.start());
    let head = &whole[..secret.start() - start];
    format!(
        "{head}{}",
        secret.as_str().replacen(bare, &placeholder("value", bare), 1)
    )
}

/// Words that follow "password:" or "token" in ordinary sentences rather than being one.
fn is_prose(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "authentication",
        "is",
        "was",
        "for",
        "not",
        "and",
        "has",
        "failed",
        "invalid",
        "expired",
        "missing",
        "error",
        "denied",
        "provider",
        "service",
        "server",
    ];
    WORDS.contains(
        &value
            .trim_end_matches(['.', ':', '!'])
            .to_ascii_lowercase()
            .as_str(),
    )
}

/// A dense run is hidden when it mixes cases and digits so much that no name or hash would: hex digests,
/// UUIDs and Kubernetes names stay readable.
fn dense_value(run: &str, placeholder: &impl Fn(&str, &str) -> String) -> String {
    let has = |test: fn(&u8) -> bool| run.as_bytes().iter().any(test);
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let path_like = run.matches('/').count() > 2 || run.matches(['-', '_']).count() > run.len() / 8;
    if mixed && !path_like && entropy_bits(run) >= 4.2 {
        placeholder("high-entropy", run)
    } else {
        run.to_owned()
    }
}

/// Shannon entropy in bits per character.
fn entropy_bits(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let len = text.len() as f64;
    counts
        .iter()
        .filter(|&&n| n > 0)
        .map(|&n| f64::from(n) / len)
        .map(|p| -p * p.log2())
        .sum()
}
