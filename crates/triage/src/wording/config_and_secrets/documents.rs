//! Wordings of configuration that cannot be read: syntax, unknown fields, values of the wrong type.

use crate::wording::Pattern;
use crate::wording::Place::{Condition, Event, Log, Status, Terminated};

const INVALID: &[&str] = &["config-and-secrets/config-invalid"];

const fn said(message: &'static str) -> Pattern {
    Pattern {
        mechanisms: INVALID,
        places: &[Log, Terminated, Event, Condition, Status],
        reasons: &[],
        message,
    }
}

const DRIFT: &[&str] = &["config-and-secrets/configmap-drift"];

/// The wordings.
pub(crate) const PATTERNS: &[Pattern] = &[
    // Server-side apply (k8s.io/apimachinery, managedfields: conflict errors); Argo CD, Flux, Terraform on drift.
    Pattern {
        mechanisms: DRIFT,
        places: &[Log, Terminated, Event, Condition, Status],
        reasons: &[],
        message: r#"(?i)conflict.*ConfigMap: Apply failed|conflicts? with \\?"[^"]+\\?"(?: using \S+)?:\s*(?:-\s*)?\.(?:data|binaryData)(?:\.[A-Za-z<_]|\[)|has drifted|\bdrift(?:ed)? (?:detected|from|correct)|detect\w* (?:drift|changes in cluster state)|cluster state .{0,80}(?:drift|changed)|live (?:state|object|manifest|resource)s? .{0,60}(?:differ|deviat|drift)|\bOutOfSync\b|out of sync with|changed outside of|has been modified outside|resource modified.*ConfigMap|last-applied-configuration annotation"#,
    },
    // go-yaml, PyYAML, SnakeYAML, js-yaml, serde_yaml.
    said(
        r"(?i)yaml: (?:line \d+|unmarshal errors|found|did not find|control characters|mapping|block|could not find)|error converting YAML to JSON|mapping values are not allowed|did not find expected|found character .{0,12}that cannot start any token|could not find expected ':'|while (?:parsing|scanning) a (?:block|flow|simple|quoted|plain)|YAMLException|yaml\.(?:scanner|parser|constructor)\.\w+Error|bad indentation of a (?:mapping|sequence)|end of the stream or a document separator|can not read (?:a|an implicit) |duplicated? (?:mapping )?key",
    ),
    // encoding/json, V8, Python json, Jackson, serde_json.
    said(
        r#"(?i)invalid character .{1,12} (?:looking for|after|in|at)|cannot unmarshal \w+ into|unexpected end of JSON input|Unexpected (?:token|end of JSON|non-whitespace|string in JSON)|JSONDecodeError|Expecting (?:value|property name|',' delimiter|':' delimiter)|JsonParseException|MismatchedInputException|UnrecognizedPropertyException|Unrecognized field|is not valid JSON|invalid JSON\b|JSON parse error|expected .{1,30} at line \d+ column \d+"#,
    ),
    // TOML, HCL, INI, properties, XML, logback.
    said(
        r"(?i)toml: |TOMLDecodeError|TomlDecodeError|TOML parse error|TomlError|Near line \d+|(?:failed|error).{0,30}(?:parse|parsing|decode|decoding).{0,20}\b(?:toml|hcl|ini|xml|properties|config\w*)\b|MissingSectionHeaderError|configparser\.\w+Error|SAXParseException|Malformed \\uxxxx|ParsingError|Argument or block definition required|Unsupported (?:argument|block type)|ConfigurationException|ConfigException|InvalidConfigurationException",
    ),
    // Unknown or refused settings of products: nginx, HAProxy, Redis, PostgreSQL, CoreDNS, Envoy, Prometheus, Fluent Bit, Kafka, MySQL.
    said(
        r#"(?i)unknown (?:directive|field|key|keyword|option|property|setting|parameter|configuration (?:key|option|parameter|item)|variable|section|flag|command[- ]line|shorthand flag|plugin|log level)\b|\[emerg\] .* in /\S+:\d+|invalid number of arguments in|directive is not allowed here|unexpected ["'`][^"'`]{1,3}["'`] in|unexpected end of file.{0,20}expecting|nginx: configuration file \S+ test failed|configuration file .* test failed|host not found in upstream|parsing \[/\S+:\d+\]|FATAL CONFIG FILE ERROR|Bad directive or wrong number of arguments|configuration file "[^"]+" contains errors|syntax error in file|unrecognized configuration parameter|invalid value for parameter|invalid configuration parameter|Error during parsing|Unknown directive|error initializing configuration|Protobuf message \(type|\[error\] \[config\]|Invalid value .{1,80} for configuration|unknown variable '|unrecognized (?:option|argument|arguments|field|key|property|configuration|setting)"#,
    ),
    // What applications say of their own configuration.
    said(
        r"(?i)(?:error|failed|failure|cannot|could not|unable|couldn't|fatal)\b.{0,40}(?:load|parse|read|pars|unmarshal|decod|validat|process|initializ|bind|appl)\w*.{0,40}(?:config|settings|properties|preferences)|(?:config|configuration|settings)(?: file)?\b.{0,60}(?:is |are |was )?(?:invalid|not valid|malformed|corrupt|contains? errors?|parse error|syntax error|could not be (?:parsed|read|loaded)|failed validation|validation (?:failed|error))|(?:invalid|bad|malformed|illegal|incorrect|unsupported) (?:config|configuration|settings?)\b|config(?:uration)? (?:error|validation)|ValidationError: \d+ validation errors? for|Failed to bind properties under|APPLICATION FAILED TO START|BindException: Failed to bind|ConfigurationPropertiesBindException|schema validation (?:failed|error)|does not match (?:the )?schema|Additional propert(?:y|ies) .{0,60}not allowed",
    ),
    // Values of the wrong type: strconv and time (Go), int() and float() (Python), Integer.parseInt (Java), envconfig, Rust.
    said(
        r#"(?i)strconv\.\w+: parsing|parsing "[^"]*": (?:invalid syntax|value out of range)|time: (?:invalid duration|missing unit in duration|unknown unit)|invalid (?:duration|boolean|integer|number|log ?level|level|value|regex|regular expression|cron|quantity|size|URL|port|timezone|enum|time zone|CIDR)\b|invalid literal for int\(\)|could not convert string to float|NumberFormatException|For input string|cannot parse|envconfig\.Process: assigning|error converting .{0,60} to type|not a valid (?:integer|number|boolean|duration|value|log level|enum|url|port|level|port number)|must be (?:a |an )?(?:number|integer|boolean|positive|one of|string|greater than|at least|valid)|ParseIntError|invalid digit found in string|should be a valid (?:integer|number|boolean)|not recognized as (?:a )?valid|error parsing (?:regexp|regex)|unrecognized level|not a valid logrus Level|Unable to parse"#,
    ),
];
