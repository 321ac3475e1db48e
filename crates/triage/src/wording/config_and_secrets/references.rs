//! Wordings of references that lead nowhere: objects, keys, variables, addresses, mounted files.

use crate::wording::Pattern;
use crate::wording::Place::{Condition, Event, Log, Status, Terminated, Waiting};

const MAP: &[&str] = &["config-and-secrets/configmap-missing"];
const SECRET: &[&str] = &["config-and-secrets/secret-missing"];
const KEY: &[&str] = &["config-and-secrets/key-missing"];
const ENV: &[&str] = &["config-and-secrets/env-injection-failed"];
const FILES: &[&str] = &["config-and-secrets/volume-permission-denied"];
/// A name that does not resolve may be misspelt, be a Service that is gone, or meet a resolver in trouble.
const ADDRESS: &[&str] = &[
    "config-and-secrets/service-address-wrong",
    "cascading-failure/service-missing",
];

const fn kubelet(mechanisms: &'static [&'static str], message: &'static str) -> Pattern {
    Pattern {
        mechanisms,
        places: &[Event, Waiting, Status, Condition, Log],
        reasons: &[],
        message,
    }
}

const fn said(mechanisms: &'static [&'static str], message: &'static str) -> Pattern {
    Pattern {
        mechanisms,
        places: &[Log, Terminated],
        reasons: &[],
        message,
    }
}

/// The wordings.
pub(crate) const PATTERNS: &[Pattern] = &[
    // kubelet: pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables) and the volume plugins configmap, secret, projected.
    kubelet(
        MAP,
        r#"(?i)configmaps? "(?P<name>[^"]+)" not found|configmap references non-existent|configmaps? '?[a-z0-9./-]+'? (?:not found|does not exist|doesn't exist)"#,
    ),
    kubelet(
        SECRET,
        r#"(?i)secrets? "(?P<name>[^"]+)" not found|secrets? '?[a-z0-9./-]+'? (?:not found|does not exist|doesn't exist|was not found)|local SSL certificate \S+ was not found|failed to get secretproviderclass|could not get secret data from provider|SecretSyncedError|Secret does not exist|no such secret"#,
    ),
    kubelet(
        KEY,
        r#"(?i)couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) (?P<namespace>[^/\s]+)/(?P<name>[^\s"]+)|references non-existent (?:config|secret) key: (?P<volume_key>\S+)|non-existent (?:config|secret) key|key "?[^"\s]+"? (?:not found|does not exist|is missing) in (?:secret|configmap|data)|(?:secret|configmap) .{0,80}(?:does not (?:contain|have)|has no|is missing|missing) (?:the |a |required )?(?:key|entry|data)|no key "?[^"\s]+"? in (?:secret|configmap)|missing (?:required )?(?:key|field) "?[^"\s]+"? in (?:secret|configmap)"#,
    ),
    // kubelet event of invalid names (pkg/kubelet/kubelet_pods.go); empty password of official images' entrypoints.
    Pattern {
        mechanisms: ENV,
        places: &[Event],
        reasons: &["InvalidEnvironmentVariableNames"],
        message: r"(?P<keys>Keys \[[^\]]*\]) from the EnvFrom",
    },
    // Variables that an application misses, by language: Python, Ruby, Go (envconfig, caarlos0/env), Spring, Node, shells, Rust, .NET.
    said(
        ENV,
        r#"KeyError: ['"](?P<name>[A-Z][A-Z0-9_]+)['"]|key not found: "(?P<ruby>[A-Z][A-Z0-9_]+)"|required key (?P<envconfig>[A-Z][A-Z0-9_]+) missing value|Could not resolve placeholder '(?P<placeholder>[^'{}]+?)' in|(?P<shell>[A-Z][A-Z0-9_]+): (?:parameter (?:null or )?not set|unbound variable|parameter not set|must be set|is not set|is required)"#,
    ),
    said(
        ENV,
        r#"(?i)(?:env(?:ironment)?(?:al)?[ _-]?var(?:iable)?s?|env)\b[ :'"`(\[]{0,4}(?P<name>(?-i:[A-Z][A-Z0-9_]{2,}))?['"`)\],]{0,3}[ :]*(?:is |are |was |has |have |must |should |could |cannot |can't )?(?:not |be |been |un)?(?:not |be )?(?:set|defined|found|present|provided|missing|required|undefined|empty|specified|blank|non-empty)\b"#,
    ),
    said(
        ENV,
        r#"(?i)(?:missing|required|undefined|unset|set|define|specify|provide|no|expected|need|read|load|get|lookup|find|empty)(?: the| an?| required| mandatory| necessary| following)* env(?:ironment)?(?:[ _-]?var(?:iable)?s?)?\b[^A-Za-z0-9]{0,4}(?P<name>(?-i:[A-Z][A-Z0-9_]{2,}))?"#,
    ),
    said(
        ENV,
        r#"(?i)['"`]?(?P<name>(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+))['"`]?:? (?:env(?:ironment)? (?:var(?:iable)? )?)?(?:is |was |must be |must not be |has to be |should be |needs to be |cannot be |can't be )?(?:not (?:set|defined|configured|provided|found|specified|declared)|undefined|unset|required|missing|empty|blank|set\b|null\b)|UndefinedValueError|ImproperlyConfigured: (?:Set|The)|process\.env\.\w+ is (?:undefined|not)|\(Parameter 'connectionString'\)|NotPresent\b|environment variable not found|No value present for"#,
    ),
    said(
        ENV,
        r#"(?i)superuser password is not specified|password option is not specified|no password supplied|client password must be a string|(?:ENOTFOUND|lookup|host(?:name)?) (?:"?undefined"?|"?null"?|"?None"?)\b|http://(?:undefined|null|None)\b|dial tcp: lookup : no such host|missing (?:address|host)\b|Cannot read propert(?:y|ies) of undefined|no such host "?undefined|connection string (?:is )?(?:empty|missing|required|not (?:set|found))|empty (?:host|address|dsn|url|connection string)|Field required \[type=missing|field required \(type=value_error\.missing\)|Config validation error: "[^"]+" is required|(?:failed|unable) to bind properties.*null|Expected string, received undefined|invalid_type.*undefined"#,
    ),
    // Validation of the API server (pkg/apis/core/validation) and its warnings of unknown fields.
    Pattern {
        mechanisms: ENV,
        places: &[Event, Condition, Status, Log],
        reasons: &[],
        message: r#"(?i)(?:secretKeyRef|configMapKeyRef|envFrom|valueFrom)[\w.\[\]]*: (?:Required value|Invalid value|Not found|Forbidden)|unknown field "spec[\w.\[\]]*\.env(?:From)?\[|must specify one of: .?configMapRef|(?i:secret[ _]key|database[ _]url|api[ _]key|password|token)s? (?:is )?missing\b|ImproperlyConfigured: .*(?:must be set|must not be empty|not set|required)"#,
    },
    // Elasticsearch `org.elasticsearch.node.Node`, where its data directory cannot be used.
    said(FILES, r"Failed to create node environment"),
    // The kernel's EACCES and EPERM on files, by language and product.
    said(
        FILES,
        r#"(?i)(?:open|mkdir|cp|mv|rm|ln|tee|sh|bash|install|initdb|create|creat|write|unlink|rename|remove|stat|lstat|chmod|chown|lchown|link|symlink|readdir|scandir|fopen|openat|access|touch|mkdirat|opendir):? '?"?(?P<path>/[^\s:'"]+)'?"?: (?:permission denied|operation not permitted|EACCES)"#,
    ),
    said(
        FILES,
        r#"(?i)PermissionError: \[Errno (?:13|1)\] (?:Permission denied|Operation not permitted): '?(?P<path>/[^\s:'"]+)|(?:EACCES|EPERM): (?:permission denied|operation not permitted), \w+ '(?P<node>/[^']+)'|AccessDeniedException(?:: |\[)(?P<java>/[^\s\];]+)|FileNotFoundException: (?P<stream>/\S+) \(Permission denied\)|(?:Permission denied|Operation not permitted) @ \w+ - (?P<ruby>/\S+)|UnauthorizedAccessException: Access to the path '(?P<net>/[^']+)' is denied|IOException: (?P<io>/\S+).{0,10}Permission denied"#,
    ),
    said(
        FILES,
        r#"(?i)(?:cannot|could not|can't|couldn't|unable to|failed to|failed|error|failure)\b[^:]{0,40}?['"`“‘]?(?P<path>/[\w./@+-]+)['"`”’]?[^:]{0,30}: (?:\(?\d*:? ?)?(?:Permission denied|Operation not permitted|EACCES)"#,
    ),
    said(
        FILES,
        r#"(?i)(?P<path>/[\w./@+-]+)['"`]?(?:: | is |.{0,12})(?:not writable|not writeable|unwritable|isn't writable|is not readable by|no write permission|is a read-only directory)|\(13: Permission denied\)|OS errno 13|\(errno: ?13\b|\(os error 13\)|errno=13|wrong ownership|has invalid permissions|has group or world access|must be (?:writable|owned by)|read-only directory: /|could not change permissions of directory|failed to obtain node locks|not have (?:write )?permissions? (?:to|on|for) (?:the )?(?:path|file|directory|folder|volume|/)|Can't open the (?:append-only|log) file.*Permission denied|Failed opening the (?:temp )?RDB file.*Permission denied|unable to open database file|attempt to write a readonly database|check (?:the )?(?:directory |file )?permissions|Can you write to /|insufficient permissions? (?:for|on|to) (?:the )?(?:director|file|path|/)|wrong permissions on|-bash: /\S+: Permission denied"#,
    ),
    kubelet(
        FILES,
        r"(?i)applyFSGroup failed|failed to (?:set|apply|change) (?:fsGroup|volume ownership|ownership)|(?:lchown|chown|chmod) /\S+: (?:operation not permitted|permission denied)|setting (?:up )?volume ownership .*(?:fail|error)",
    ),
    // Resolvers: Go net, libuv, glibc (EAI_NONAME), Java, libpq, Ruby; and addresses that point at the caller itself.
    said(
        ADDRESS,
        r#"(?i)lookup (?P<host>[a-z0-9][a-z0-9.-]*)(?: on \S+)?: no such host|getaddrinfo (?:ENOTFOUND|EAI_NONAME) (?P<node>[a-z0-9][a-z0-9.-]*)|UnknownHostException:? (?P<java>[a-z0-9][a-z0-9.-]*)|could not translate host name "(?P<libpq>[^"]+)"|Name or service not known|nodename nor servname|No such host is known|no such host|host not found|Could not resolve host|Failed to resolve ['"]|unable to resolve host|NXDOMAIN|NameResolutionError|DNS resolution failed|name does not resolve|Unknown (?:MySQL server )?host|Server selection timed out|invalid host"#,
    ),
    said(
        &["config-and-secrets/service-address-wrong"],
        r"(?i)connection refused|ECONNREFUSED|actively refused|Connection refused: no further information|connect(?:ion)? (?:to \S+ )?(?:timed out|timeout)|ETIMEDOUT|i/o timeout|no route to host|EHOSTUNREACH|No resolvable bootstrap urls|unsupported protocol scheme|first path segment in URL cannot contain colon|invalid port|wrong version number|first record does not look like a TLS handshake|malformed HTTP response|Connect call failed|context deadline exceeded.*awaiting headers",
    ),
];
