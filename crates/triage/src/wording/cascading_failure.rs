//! Wordings of the mechanisms of `cascading-failure`: clients that cannot reach, find or wait for what they call, and
//! the components between them.

use super::{Pattern, Place};

const DOWN: &str = "cascading-failure/dependency-down";
const SLOW: &str = "cascading-failure/dependency-slow";
const SHARED: &str = "cascading-failure/shared-cause-multi-pod";
const POLICY: &str = "cascading-failure/network-policy-blocks";
const DNS: &str = "cascading-failure/dns-broken";
const DNS_POLICY: &str = "cascading-failure/dns-policy-wrong";
const SELECTOR: &str = "cascading-failure/service-selector-mismatch";
const BROAD: &str = "cascading-failure/selector-too-broad";
const PORT: &str = "cascading-failure/port-mismatch";
const MISSING: &str = "cascading-failure/service-missing";
const INGRESS: &str = "cascading-failure/ingress-misrouted";
const VOLUME: &str = "cascading-failure/shared-pvc-corruption";
const AVALANCHE: &str = "cascading-failure/node-failure-avalanche";
const RETRIES: &str = "cascading-failure/retry-storm";
const CONTROL_PLANE: &str = "cascading-failure/control-plane-overload";
const QUEUE: &str = "cascading-failure/queue-backlog";
const LIMITED: &str = "cascading-failure/upstream-rate-limited";
const ADDRESS: &str = "config-and-secrets/service-address-wrong";
const VALUES: &str = "image-and-deployment/helm-values-regression";
const NODE: &str = "app-vs-infra/node-not-ready";
const STARVED: &str = "resource-exhaustion/node-memory-starvation";
const DEGRADED: &str = "app-vs-infra/network-degraded";

const LOG: &[Place] = &[Place::Log];
/// Applications write their last words to the termination message too.
const SAID: &[Place] = &[Place::Log, Place::Terminated];
const EVENT: &[Place] = &[Place::Event];
const ANYWHERE: &[Place] = &[
    Place::Log,
    Place::Event,
    Place::Condition,
    Place::Status,
    Place::Terminated,
];

const fn wording(
    mechanisms: &'static [&'static str],
    places: &'static [Place],
    reasons: &'static [&'static str],
    message: &'static str,
) -> Pattern {
    Pattern {
        mechanisms,
        places,
        reasons,
        message,
    }
}

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[
    // Go `net.OpError`, Node `ECONNREFUSED`, Java `ConnectException`, Python `Errno 111`, libpq, nginx (111), Rust (os error 111).
    wording(
        &[DOWN, PORT, SELECTOR, BROAD],
        SAID,
        &[],
        r"(?i)connection refused|ECONNREFUSED|\bErrno 111\b|\(111: Connection refused\)|os error 111|actively refused|NoBrokersAvailable|no brokers available|bootstrap broker .* disconnected",
    ),
    wording(
        &[DOWN],
        SAID,
        &[],
        r"(?i)could not connect to server|server closed the connection unexpectedly|the database system is (?:shutting down|starting up)|no route to host|EHOSTUNREACH|host is unreachable|all (?:the )?connection attempts failed|no (?:living|alive) (?:connections|nodes)|NoNodeAvailable|NoHostAvailable|no reachable servers|server selection (?:timed? ?out|error)|ServerSelectionTimeoutError|MongoNetworkError|Communications link failure|connection (?:to \S+ )?(?:was )?(?:reset by peer|lost|closed by)|ECONNRESET|LOADING Redis is loading|CLUSTERDOWN|MASTERDOWN|broker transport failure|Broker: Not available|Connection to node -?\d+ (?:\(\S*\) )?could not be established|dependency .{0,60}(?:unavailable|is down|unhealthy)|circuit ?breaker .{0,60}\bopen\b|CallNotPermittedException|code = Unavailable|UNAVAILABLE: |upstream connect error|delayed connect error",
    ),
    // Envoy's and ingress-nginx's answers where a Service has nobody behind it (`controller.go`, `serviceEndpoints`).
    wording(
        &[SELECTOR, DOWN, PORT, INGRESS],
        LOG,
        &[],
        r"(?i)no (?:healthy|live) upstreams?|does not have any active Endpoint|no endpoints available for service|no available server|has no (?:active|available|ready) endpoints|\bUH\b.{0,40}no_healthy_upstream|503 Service (?:Temporarily )?Unavailable",
    ),
    wording(
        &[PORT, SELECTOR],
        &[Place::Log, Place::Event],
        &[],
        r"(?i)(?:FailedToUpdateEndpoint|no matching port|couldn't find port|port .{0,30} not found (?:in|on) (?:service|pod)|could not find port|no port (?:with )?name[ds]? )",
    ),
    // Go, Java, Python, Node, nginx, libpq, gRPC: packets get no answer, or the answer is late.
    wording(
        &[POLICY, DOWN, DEGRADED],
        SAID,
        &[],
        r"(?i)dial (?:tcp|udp) \S+: (?:i/o timeout|connect: connection timed out)|ETIMEDOUT|(?:^|[^:] |(?:[^0]|[^1]0|[^1]10): |[\x22'(\[\t>=])Connect(?:ion)? timed out|connect timeout|ConnectTimeout|\bErrno 110\b|\(110: Connection timed out\) while connecting|connection attempt timed out|failed to connect .{0,80}time(?:d )?out|timeout expired|UND_ERR_CONNECT_TIMEOUT|ConnectException.{0,60}timed out",
    ),
    wording(
        &[SLOW, DOWN, POLICY],
        SAID,
        &[],
        r"(?i)context deadline exceeded|Client\.Timeout exceeded|DEADLINE_EXCEEDED|DeadlineExceeded|Read timed out|ReadTimeout|SocketTimeoutException|ESOCKETTIMEDOUT|(?:^|[^,] |[^ ])request (?:has )?timed out|request timeout|timeout of \d+ ?ms exceeded|response timeout|upstream request timeout|stream timeout|504 Gateway Time-?out|tcp\S*(?: \S+)?: i/o timeout|(?:^|error: )i/o timeout|TimeoutException|TimeoutError|canceling statement due to (?:user request|statement timeout)|operation was aborted due to timeout|await(?:ing|s) headers",
    ),
    // nginx `ngx_http_upstream.c`: connected, no answer in time; Envoy's access log, response code details.
    wording(
        &[SLOW, DOWN],
        SAID,
        &[],
        r"upstream timed out|upstream_reset_before_response_started",
    ),
    wording(&[SLOW], LOG, &[], r"upstream_response_timeout"),
    wording(
        &[SLOW],
        LOG,
        &[],
        r"(?i)\bslow (?:request|response|call|upstream|query|log|operation)|took (?:too long|longer than|\d{4,} ?ms|\d+(?:\.\d+)? ?s(?:ec|econds)?\b)|(?:duration|elapsed|latency|response_?time)[\x22=: ]+(?:\d{4,}(?:\.\d+)?\b|\d+(?:\.\d+)? ?s\b)|exceeded (?:the )?latency|high latency|upstream_response_time",
    ),
    // Cilium's monitor, Calico's flow logs and iptables LOG targets name policies themselves.
    wording(
        &[POLICY],
        ANYWHERE,
        &[],
        r"(?i)Policy denied|POLICY_DENIED|denied by (?:network ?)?policy|calico-(?:packet|drop)|(?:xx|->|-) ?drop \(Policy|default.deny|network ?policy .{0,40}(?:den|drop|block)|action[\x22=: ]+(?:deny|drop)\b.{0,80}polic",
    ),
    // Hubble `hubble/pkg/printer`; Felix `felix/rules/endpoints.go`, comments of the rules that
    // end a chain, as `iptables -L -v` lists them once they have counted packets.
    wording(
        &[POLICY],
        ANYWHERE,
        &[],
        r"policy-verdict:\S+ (?:INGRESS|EGRESS) DENIED|[1-9]\d*[KMGT]?\s+DROP\b.*Drop if no (?:policies passed packet|profiles matched)",
    ),
    // Resolvers: Go, libuv, glibc, musl, Java, Python, Ruby, PHP, curl, .NET, nginx.
    wording(
        &[DNS, MISSING, DNS_POLICY, ADDRESS, VALUES],
        SAID,
        &[],
        r"(?i)no such host|ENOTFOUND|Name or service not known|UnknownHostException|nodename nor servname|NXDOMAIN|Name does not resolve|Could ?n[o']t resolve host|could not translate host name|host not found|Unknown host|getaddrinfo(?:\(\))? (?:failed|error)|No address associated with hostname|Name has no usable address|failed to lookup address information|DNS_PROBE|bad address '|can't resolve|could not be resolved|failed to resolve|unable to resolve|I/O error on \w+ request for \x22[^\x22]+\x22: [a-z0-9-]+(?:\.[a-z0-9-]+)+\s*$|NameResolutionError|dns resolution failed|DNS lookup failed|No resolvable bootstrap urls|SocketException.*Name",
    ),
    wording(
        &[DNS, DNS_POLICY],
        SAID,
        &[],
        r"(?i)EAI_AGAIN|Temporary failure in name resolution|Try again\b.{0,20}(?:getaddrinfo|resol)|server misbehaving|SERVFAIL|SERVER FAILURE|EAI_FAIL|connection timed out; no servers could be reached|communications error to \S+#53|lookup \S+ on \S+:53: (?:read|dial|write|server)|lookup \S+ ?: i/o timeout|ESERVFAIL|ETIMEOUT .{0,40}query[A-Z]|queryA\w* E(?:SERVFAIL|TIMEOUT|CONNREFUSED)|DNS (?:server|query|request) .{0,40}(?:tim(?:ed? ?out|eout)|fail|refused)|Temporary DNS|resolv(?:er|ing) .{0,60}timed out",
    ),
    // CoreDNS (`coremain`, `plugin/errors`, `plugin/loop`, `plugin/forward`, `plugin/kubernetes`, `plugin/reload`) and kube-dns.
    wording(
        &[DNS],
        LOG,
        &[],
        r"(?i)Corefile:?\d* - Error during parsing|Corefile.{0,80}(?:parsing|Unknown directive|unknown property|no such file|syntax)|Error during parsing|plugin/(?:errors|loop|forward|kubernetes|reload|hosts|health|ready|cache|autopath)\b.{0,40}(?:\d+ \S+\.? |Loop|unreachable|timeout|Failed|still waiting|Corefile|no |not ready|Unhandled|server misbehaving|refused)|Loop \(.*\) detected for zone|loop detected|HINFO: (?:read|dial|unreachable)|no upstream host|unreachable backend: |Still waiting on: .{0,20}kubernetes|concurrent queries exceeded maximum|Listen: listen tcp :53: bind|Restart failed: .{0,80}(?:Corefile|parsing|plugin)|nameserver .{0,40}(?:unreachable|not respond)|dnsmasq.{0,60}(?:Maximum number|failed)",
    ),
    wording(
        &[DNS],
        EVENT,
        &[],
        r"(?i)(?:Readiness|Liveness) probe failed: Get \x22?http://\S+:(?:8181/ready|8080/health)|failed container(?: |=)(?:coredns|kube-?dns|dns-default|dnsmasq)\b|Back-off restarting failed container .{0,20}coredns|coredns-\S+|CoreDNS",
    ),
    // `pkg/kubelet/network/dns/dns.go`.
    wording(
        &[DNS_POLICY, DNS],
        EVENT,
        &[
            "MissingClusterDNS",
            "DNSConfigForming",
            "CheckLimitsForResolvConf",
        ],
        r".",
    ),
    wording(
        &[DNS_POLICY],
        ANYWHERE,
        &[],
        r#"(?i)does not have ClusterDNS IP configured|Falling back to \\?"?Default\\?"? policy|must provide at least one DNS nameserver when `?dnsPolicy`? is|dnsPolicy|lookup \S+\.svc(?:\.\S+)? on (?:8\.8\.|1\.1\.1\.1|1\.0\.0\.1|9\.9\.9\.9|169\.254\.169\.25[34]|168\.63\.129\.16|\d+\.\d+\.\d+\.2:53|127\.0\.0\.53)"#,
    ),
    // `services "x" not found` of the API server, of kubectl and of proxies.
    wording(
        &[MISSING, INGRESS],
        ANYWHERE,
        &[],
        r#"(?i)services? \\?"?[\w./-]+\\?"? (?:was )?not found|service not found|no such service|service .{0,60}does not exist|could not find (?:the )?service|no object matching key|Error obtaining Endpoints for Service|failed to (?:get|find|fetch) service|<error: (?:services|endpoints) "[^"]+" not found>|(?:endpoints|kubernetes service) .{0,60}not found"#,
    ),
    // A request that reaches another application than it was meant for.
    wording(
        &[BROAD, INGRESS, PORT],
        LOG,
        &[],
        r"(?i)unexpected (?:status(?: code)?:? 40[45]|response|content.?type|token [<'])|Cannot (?:GET|POST|PUT) /|404 (?:page )?not found|is not valid JSON|status code 40[45]\b|code = Unimplemented|unknown (?:service|method) |UNIMPLEMENTED|malformed HTTP|HTTP request was sent to HTTPS|http: server gave HTTP response to HTTPS client|wrong version number|no Route matched|unsupported protocol|invalid (?:HTTP )?(?:request|response|greeting)|misdirected",
    ),
    wording(
        &[BROAD],
        ANYWHERE,
        &[],
        r"(?i)selector .{0,60}(?:overlap|too broad|matches (?:pods|multiple))|(?:pods?|endpoints?) of another (?:service|application|deployment)|wrong (?:backend|service|pod|upstream)|served by (?:the )?wrong",
    ),
    // ingress-nginx (`controller.go`, `store.go`, `backend_ssl.go`), the cloud controllers and Traefik.
    wording(
        &[INGRESS],
        ANYWHERE,
        &[],
        r#"(?i)Ignoring ingress because|does not contain a valid IngressClass|ingress class .{0,60}not found|ingressclass.{0,80}(?:not found|does not exist|no object)|Error getting SSL certificate|SSL certificate .{0,80}(?:was not found|does not exist)|Unexpected error validating SSL certificate|local SSL certificate|default-backend|default backend - 404|error while evaluating the ingress spec|could not find port .{0,60}service|Cannot create service|Skipping service|no matching (?:route|listener|path|host)|host .{0,60}(?:is )?already defined in ingress|path .{0,60}already (?:exists|defined)|rewrite-target|no default backend|Refused.{0,20}Ingress|unable to (?:find|locate) (?:backend|default) |TLS secret .{0,60}not (?:found|exist)|Secret \\?"?\S+\\?"? not found.{0,40}(?:ingress|tls)|router .{0,60}(?:not found|does not exist)|\bNR\b.{0,30}route_not_found|route_not_found|IngressClass .{0,60}not|no ingress(?:class)? (?:found|matches)"#,
    ),
    wording(
        &[INGRESS],
        EVENT,
        &[
            "FailedBuildModel",
            "FailedDeployModel",
            "Translate",
            "TranslateFailed",
            "Rejected",
            "BadConfig",
            "AddedOrUpdatedWithError",
            "InvalidIngress",
            "BackendNotFound",
            "RefNotPermitted",
            "UnsupportedValue",
            "CreateCertificateFailed",
        ],
        r".",
    ),
    wording(
        &[INGRESS],
        &[Place::Condition, Place::Status],
        &[
            "BackendNotFound",
            "RefNotPermitted",
            "InvalidKind",
            "NoMatchingParent",
            "NotAllowedByListeners",
            "NoMatchingListenerHostname",
            "UnsupportedValue",
        ],
        r".",
    ),
    // SQLite, Lucene, PostgreSQL, InnoDB, WiredTiger, LevelDB/RocksDB, Prometheus TSDB, Git, NFS: damaged or locked files.
    wording(
        &[VOLUME, "storage-and-persistence/filesystem-corrupt"],
        SAID,
        &[],
        r"(?i)database disk image is malformed|SQLITE_CORRUPT|file is not a database|SQLITE_NOTADB|CorruptIndexException|IndexFormatToo|checksum (?:failed|mismatch|error|does not match|verification failed)|mismatched? (?:checksum|crc)|invalid (?:checksum|crc|page in block)|\bcrc(?:32)? mismatch|bad (?:magic|crc)|corrupt(?:ed|ion)?\b.{0,60}(?:index|segment|file|block|page|database|db|data|table|manifest|record|wal|log|sst|repository|object|chunk|on disk)|(?:index|segment|file|block|page|database|table|manifest|wal|sst|chunk|repository|store|data)\b.{0,40}(?:is |are |appears? |possibly )?corrupt|Database page corruption|WT_ERROR|WT_PANIC|unexpected EOF .{0,40}(?:wal|segment|index)|loose object .{0,60}corrupt|truncated (?:file|block|record|page)|invalid (?:magic|header|superblock)",
    ),
    // SQLite `btree.c`, `checkAppendMsg`.
    wording(
        &[VOLUME, "storage-and-persistence/filesystem-corrupt"],
        SAID,
        &[],
        r"\bTree \d+ page \d+(?: cell \d+)?: ",
    ),
    // Prometheus `storage/local/persistence.go` (1.x); nightlyone/lockfile, `ErrBusy`, in `tsdb`. A lock file that is merely left
    // over says no more than that the last process was killed.
    wording(
        &[VOLUME],
        SAID,
        &[],
        r"(?i)could not lock \S*/\S+|opening .{0,40}storage\b.{0,40}: resource temporarily unavailable|locked by (?:an)?other process",
    ),
    wording(
        &[VOLUME],
        SAID,
        &[],
        r"(?i)LockObtainFailedException|Lock held (?:by|elsewhere)|database is locked|SQLITE_BUSY|SQLITE_PROTOCOL|locking protocol|failed to obtain (?:node )?locks?|could not (?:obtain|acquire) (?:an? )?(?:exclusive )?(?:file )?lock|unable to (?:lock|obtain|acquire) .{0,60}(?:lock|file|directory|data)|(?:lock|pid) ?file .{0,80}(?:already exists|exists|in use|held)|already (?:locked|in use|running)\b.{0,60}(?:process|another|instance|lock)|another (?:process|instance|server|node|postmaster|writer) .{0,80}(?:running|using|holds?|lock|is)|stale (?:NFS )?file handle|ESTALE|resource temporarily unavailable.{0,60}lock|lock .{0,60}resource temporarily unavailable|(?:concurrent|multiple) writers?|opened by another|EWOULDBLOCK|Unable to lock ./ibdata1|DBPathInUse|IO error: .{0,20}lock|lock DB directory|storage lock",
    ),
    // `pkg/controller/nodelifecycle`, `pkg/kubelet/eviction/helpers.go`: what tells of several nodes, or of pods that one
    // node cannot hold. What tells of one node alone is `node-not-ready`'s.
    wording(
        &[AVALANCHE, NODE],
        ANYWHERE,
        &[],
        r"(?i)Kubelet stopped posting node status|detected that (?:zone|all Nodes|some Nodes)|entering (?:partial|full|master) disruption|(?:Full|Partial)Disruption|is not healthy since .{0,60}Node Conditions|(?:unreachable|not-ready).{0,200}(?:low on resource|Pressure)",
    ),
    wording(
        &[AVALANCHE, STARVED],
        ANYWHERE,
        &[],
        r"(?i)The node was low on resource: memory|Attempting to reclaim memory|Insufficient (?:cpu|memory).{0,200}(?:unreachable|not-ready|NotReady)|(?:unreachable|not-ready).{0,200}Insufficient (?:cpu|memory)",
    ),
    // What ends or spoils several pods of a node at once.
    wording(
        &[SHARED],
        ANYWHERE,
        &[],
        r"(?i)segmentation fault|SIGSEGV|signal 11|signal: segmentation|exit (?:code|status) 139|SIGBUS|bus error|illegal instruction|SIGILL|Pod sandbox changed, it will be killed and re-created|NetworkNotReady|network is not ready|cni plugin not initialized|failed to (?:setup|create) (?:network for )?(?:pod )?sandbox|(?:multiple|several|all|many) pods? .{0,60}(?:fail|crash|restart|same (?:node|time|zone))|same (?:node|zone|configmap|image|host)\b",
    ),
    // containernetworking/cni `pkg/invoke`, through containerd and the kubelet: one plugin serves all pods of a node.
    wording(
        &[SHARED, NODE],
        ANYWHERE,
        &[],
        r#"plugin type=\\?"[^"]+" failed \((?:add|delete)\)|KillPodSandboxError"#,
    ),
    // Linux ESTALE in libc's and Rust's words; nfs-utils `mount.nfs`; SQLite SQLITE_IOERR: a volume that many pods mount.
    wording(
        &[SHARED],
        SAID,
        &[],
        r"(?i)stale (?:nfs )?file handle|StaleNetworkFileHandle|\bmount\.nfs: .*(?:RPC: |connection (?:refused|timed out)|no route to host)",
    ),
    wording(
        &[
            SHARED,
            "storage-and-persistence/filesystem-corrupt",
            "app-vs-infra/hardware-fault",
        ],
        SAID,
        &[],
        r"(?i)\bdisk I/O error\b|SQLITE_IOERR",
    ),
    // resilience4j, Polly, gRPC, Envoy, axios-retry, Finagle, Spring Retry, tenacity.
    wording(
        &[RETRIES],
        SAID,
        &[],
        r"(?i)retry(?:ing)? (?:attempt )?\(?#?\d+|attempt (?:#|no\.? ?)?\d+ ?(?:/|of|out of) ?\d+|\bretries? (?:exhausted|exceeded|limit|budget|storm|amplif)|max(?:imum)? (?:number of )?retr(?:y|ies)|exceeded (?:the )?(?:max(?:imum)? )?(?:number of )?retr|upstream_rq_retry|retry_?budget|retry.?overflow|\bURX\b|upstream_retry_limit_exceeded|reset reason: overflow|thundering herd|retrying immediately|retry(?:ing)? (?:request|call|in \d|without|after)|will (?:be )?retr|giving up after \d+|request (?:volume|rate) .{0,40}(?:amplif|spik|multipl)|RetryError|retry storm|RetryPolicy|connection storm|overload(?:ed)?\b.{0,60}retr|too many (?:concurrent|pending|outstanding) requests|pending requests? overflow|UpstreamOverflow|\bUO\b",
    ),
    // `k8s.io/apiserver` (priority and fairness), client-go's rate limiter, etcd.
    wording(
        &[CONTROL_PLANE],
        ANYWHERE,
        &[],
        r"(?i)server has received too many requests and has asked us to try again later|Too many requests, please try again later|client-side throttling|client rate limiter Wait|Throttling request took|Waited for .{0,40}due to|priority and fairness|APF|flow ?schema|concurrency.limit|etcdserver: (?:request timed out|too many requests|mvcc: database space exceeded|leader changed)|etcd .{0,60}(?:slow|overload|took too long)|apply request took too long|apiserver (?:is )?(?:overload|not ready|timed? ?out)|http2: .{0,40}kubernetes|Timeout: request did not complete within|TLS handshake timeout.{0,80}6?443|6?443.{0,80}TLS handshake timeout|the server was unable to return a response in the time allotted|(?:kube-)?apiserver.{0,80}\b429\b|\b429\b.{0,80}(?:kube-)?apiserver|failed to (?:renew|acquire) lease|leader election lost|unable to sync caches|too old resource version|watch .{0,60}(?:closed|terminated) .{0,60}(?:too|overload)",
    ),
    // kafka-clients (`CompletedFetch`), Spring Kafka (`DefaultErrorHandler`), Sarama, RabbitMQ, SQS, Celery, Sidekiq, Pulsar, NATS.
    wording(
        &[QUEUE],
        SAID,
        &[],
        r"(?i)please seek past the record|RecordDeserializationException|Error deserializing key/value|DeserializationException|SerializationException|failed to (?:process|handle|decode|deserialize|unmarshal|parse|consume|deliver)\b.{0,60}(?:message|record|event|job|task|offset|payload)|(?:message|record|event)\b.{0,60}(?:could not be (?:processed|decoded|deserialized)|processing failed|cannot be (?:processed|decoded))|poison (?:pill|message|record)|dead.?letter|Seek to current after exception|Backoff .{0,80}exhausted for|Error handler threw|ListenerExecutionFailedException|partition[=: ]+\d+.{0,20}offset[=: ]+\d+|\S+-\d+@\d+\b|redeliver(?:ed|y|ing)|requeu(?:e|ed|ing)|unacked|unacknowledged|consumer (?:lag|group .{0,60}(?:lag|behind|stuck))|lag (?:is|of|exceeds|growing|grew)|(?:queue|backlog)\b.{0,60}(?:grow|depth|behind|full|length|size|messages)|max\.poll\.interval\.ms|leaving the group|poll timeout has expired|CommitFailedException|offset .{0,60}(?:not advanc|stuck|frozen|unchanged)|ReceiveCount|maxReceiveCount|MaxDeliver|NACK|nacked|PRECONDITION_FAILED - .{0,40}(?:timeout|delivery)|QueueFull|message too large|RecordTooLarge|schema .{0,60}not found .{0,40}registry|Unknown magic byte",
    ),
    // RFC 6585 §4 as clients word it; image registries and the API server have wordings of their own.
    wording(
        &[LIMITED],
        SAID,
        &[],
        r"(?i)\b429\b.{0,40}(?:Too Many Requests|Client Error|rate|quota|retry)|(?:status(?: ?code)?|HTTP(?:/\d(?:\.\d)?)?|code|response)[\x22=: ]*\b429\b|429 Too Many|Too Many Requests|rate.?limit(?:ed|s|er|ing)?\b.{0,60}(?:exceed|reach|hit|error|by|for|retry|remaining)|(?:exceed\w*|hit|reach\w*|over)\b.{0,40}(?:rate.?limit|quota|request limit|api limit|allowance)|RateLimit(?:Error|Exceeded|Reached)?|ThrottlingException|Throttled|Rate exceeded|RequestLimitExceeded|TooManyRequestsException|ProvisionedThroughputExceeded|SlowDown|Please reduce your request rate|RESOURCE_EXHAUSTED.{0,80}(?:quota|rate|limit)|quotaExceeded|userRateLimitExceeded|Retry-After: ?\d+|X-RateLimit|requests per (?:second|minute|hour|day)|too many calls|API (?:call )?(?:quota|limit)",
    ),
];
