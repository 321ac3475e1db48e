//! Wordings of the mechanisms of `app-vs-infra`.

use super::Pattern;
use super::Place::{Condition, Event, Log, Status, Terminated, Waiting};

const CRASH: &[&str] = &["app-vs-infra/app-crash"];
const PROBE: &[&str] = &["app-vs-infra/probe-misconfigured"];
const STARTUP: &[&str] = &["app-vs-infra/startup-slower-than-probe"];
const PROBE_OR_STARTUP: &[&str] = &[
    "app-vs-infra/probe-misconfigured",
    "app-vs-infra/startup-slower-than-probe",
];
const XID: &[&str] = &["app-vs-infra/gpu-xid-error"];
const NETWORK: &[&str] = &["app-vs-infra/network-degraded"];
const NODE: &[&str] = &["app-vs-infra/node-not-ready"];
const COMPONENT: &[&str] = &["app-vs-infra/kube-component-down"];
const SURGE: &[&str] = &["app-vs-infra/traffic-surge"];
const QUERY: &[&str] = &["app-vs-infra/slow-query"];
const LOCK: &[&str] = &["app-vs-infra/lock-wait"];
const CLOCK: &[&str] = &["app-vs-infra/clock-skew"];
const HARDWARE: &[&str] = &["app-vs-infra/hardware-fault"];
const SLOW: &[&str] = &["app-vs-infra/performance-degradation"];

const fn log(mechanisms: &'static [&'static str], message: &'static str) -> Pattern {
    Pattern {
        mechanisms,
        places: &[Log, Terminated],
        reasons: &[],
        message,
    }
}

const fn event(
    mechanisms: &'static [&'static str],
    reasons: &'static [&'static str],
    message: &'static str,
) -> Pattern {
    Pattern {
        mechanisms,
        places: &[Event],
        reasons,
        message,
    }
}

/// What a node's agents and its kernel say; it may reach us as an Event, a condition or a line of an agent's log.
const fn node(mechanisms: &'static [&'static str], message: &'static str) -> Pattern {
    Pattern {
        mechanisms,
        places: &[Event, Condition, Log, Status],
        reasons: &[],
        message,
    }
}

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[
    // Go, `src/runtime/panic.go`, `src/runtime/signal_unix.go`.
    log(
        CRASH,
        r"^(?:\S+ )?panic: |\bpanic recovered|\bruntime error: (?:invalid memory address|index out of range|slice bounds|integer divide|makeslice|hash of unhashable)|^fatal error: (?:concurrent map|all goroutines are asleep|stack overflow|unexpected signal|sync: |checkptr)|goroutine stack exceeds|^goroutine \d+ \[running\]|\[signal SIGSEGV|unexpected fault address",
    ),
    // OpenJDK, `java.lang`; `src/hotspot/share/utilities/vmError.cpp`.
    log(
        CRASH,
        r#"Exception in thread "[^"]*" |\bjava\.(?:lang|util)\.(?:NullPointer|ClassCast|(?:Array|String)?IndexOutOfBounds|IllegalState|IllegalArgument|Arithmetic|NumberFormat|UnsupportedOperation|NegativeArraySize|ConcurrentModification|NoSuchElement|InputMismatch|ArrayStore)Exception|\bjava\.lang\.(?:StackOverflow|NoSuchMethod|NoSuchField|NoClassDefFound|AbstractMethod|IncompatibleClassChange|UnsatisfiedLink|ExceptionInInitializer|Assertion|Verify|UnsupportedClassVersion|BootstrapMethod)Error|java\.lang\.ClassNotFoundException|A fatal error has been detected by the Java Runtime Environment|\bhs_err_pid|kotlin\.(?:Uninitialized|KotlinNullPointer|NoWhenBranch)\w+|scala\.MatchError|Application run failed"#,
    ),
    // CPython, `Python/pythonrun.c`, `Lib/traceback.py`; `Modules/faulthandler.c`.
    log(
        CRASH,
        r"^Traceback \(most recent call last\)|^(?:\w+\.)*(?:Type|Attribute|Index|ZeroDivision|Name|UnboundLocal|Value|Assertion|Recursion|NotImplemented|Import|ModuleNotFound|Syntax|Indentation|Key|Lookup|Arithmetic|Overflow|UnicodeDecode|UnicodeEncode|Runtime|System)Error\b(?:: |$)|^Fatal Python error: |Worker failed to boot",
    ),
    // V8 and Node.js, `lib/internal/process/promises.js`, `src/node_errors.cc`.
    log(
        CRASH,
        r"(?:^|\bUncaught (?:Exception)?:? ?|\bUnhandled \w+:? |err:? )(?:\w*Type|Reference|Range|Syntax|Eval|URI)Error(?: \[\w+\])?: |UnhandledPromiseRejection|ERR_UNHANDLED_REJECTION|ERR_MODULE_NOT_FOUND|Error: Cannot find module|is not a function\b|Cannot read propert(?:y|ies) of (?:undefined|null)|\buncaughtException\b|triggerUncaughtException|AssertionError \[ERR_ASSERTION\]|^Node\.js v\d+|throw er;|throw err;",
    ),
    // .NET, Ruby, PHP, Rust, Elixir, Erlang, Perl: their runtimes' words for an exception that nobody caught.
    log(
        CRASH,
        r"Unhandled exception\.? ?(?:System\.|Microsoft\.)?|\bSystem\.(?:NullReference|InvalidOperation|InvalidCast|IndexOutOfRange|ArgumentNull|Argument|AggregateException|TypeInitialization|StackOverflow|DivideByZero|AccessViolation|TypeLoad|MissingMethod)\w*|\((?:NoMethodError|NameError|TypeError|ArgumentError|RuntimeError|LoadError|FrozenError|ZeroDivisionError)\)|undefined method .* for (?:nil|an instance of)|uninitialized constant |PHP (?:Fatal|Parse) error: |Uncaught (?:Error|TypeError|Exception|ArgumentCountError)|thread '[^']*'(?: \(\d+\))? panicked at |called `Option::(?:unwrap|expect)\(\)`|\*\* \(\w+Error\)|\*\* \(EXIT|init terminating in do_boot|Kernel pid terminated|Can't locate object method",
    ),
    // glibc and libstdc++; the shell's words for signals.
    log(
        CRASH,
        r"terminate called (?:after throwing|without an active)|[Ss]egmentation fault|\(core dumped\)|\bSIGSEGV\b|\bSIGABRT\b|\bSIGBUS\b|double free or corruption|free\(\): invalid|malloc\(\): |corrupted size vs\. prev_size|stack smashing detected|Assertion .* failed|[Aa]borted \(core|[Bb]us error|AddressSanitizer|Illegal instruction|heap-use-after-free|pure virtual method called|[eE]xit ?[cC]ode\W{1,4}(?:13[2459])\b",
    ),
    Pattern {
        mechanisms: CRASH,
        places: &[Waiting],
        reasons: &["CrashLoopBackOff"],
        message: r"^[Bb]ack-off \S+ restarting failed container",
    },
    // `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `doBackOff`.
    event(CRASH, &["BackOff"], r"^[Bb]ack-off .*restarting failed container"),
    // The prober's own requests (`pkg/probe/http/request.go`, User-Agent) in an access log, refused by the application.
    log(PROBE, r#"HTTP/[\d.]+"? 4\d\d\b.*\bkube-probe/"#),
    // net/http `server.go`: a probe or a proxy with the wrong scheme.
    log(
        &[
            "app-vs-infra/probe-misconfigured",
            "cascading-failure/ingress-misrouted",
        ],
        r"client sent an HTTP request to an HTTPS server",
    ),
    // containerd `internal/cri/server/container_execsync.go`: a probe's command that outlives its timeout.
    log(
        PROBE_OR_STARTUP,
        r"ExecSync for .*failed to exec in container: timeout \S+ exceeded",
    ),
    // `pkg/kubelet/prober/prober.go`; `pkg/probe/{http,tcp,grpc,exec}`.
    event(
        PROBE,
        &["Unhealthy", "ProbeError", "ProbeWarning"],
        r"probe (?:failed|errored|warning).*(?:statuscode: [1-4]\d\d|server gave HTTP response to HTTPS client|malformed HTTP|first record does not look like a TLS handshake|no such host|tls: |x509: |Probe terminated redirects|unsupported protocol scheme|invalid port|(?i:not found|no such file or directory|permission denied|executable file)|NOT_SERVING|Unimplemented|unknown service|EOF|connection reset|no route to host|error: this server)",
    ),
    event(
        PROBE_OR_STARTUP,
        &["Unhealthy", "ProbeError", "ProbeWarning"],
        r"probe (?:failed|errored|warning).*(?:connection refused|deadline exceeded|Client\.Timeout|i/o timeout|timed? ?out|within \d+s|TIMEOUT|timeout: failed to connect)",
    ),
    event(
        STARTUP,
        &["Unhealthy", "ProbeError"],
        r"\bStartup probe (?:failed|errored)|probe failed: HTTP probe failed with statuscode: 503",
    ),
    event(
        PROBE_OR_STARTUP,
        &["Killing"],
        r"failed (?:liveness|startup) probe, will be restarted",
    ),
    // PostgreSQL `src/backend/postmaster/postmaster.c`; Spring Boot; Kafka; applications that stop before they are up.
    log(
        STARTUP,
        r"(?i)the database system is starting up|(?:SIGTERM|signal|shut ?down|terminat\w+|interrupted|killed).{0,40}(?:before|during|while) (?:startup|start-up|starting|boot|initiali[sz]|warm|loading)|(?:startup|initiali[sz]ation|warm-?up) (?:was )?(?:interrupted|aborted|cancell?ed|not (?:yet )?(?:complete|finished))|still (?:starting|initiali[sz]ing|loading|warming)|(?:not ready|unhealthy|503).{0,30}(?:still )?(?:starting|loading|initiali[sz]ing|warming)|(?:started|startup|ready|initiali[sz]ed).{0,40} in (?:\d{3,}(?:\.\d+)? ?s(?:ec(?:onds)?)?|\d{6,} ?ms)\b|Started \w+ in (?:[6-9]\d|\d{3,})\.\d+ seconds",
    ),
    log(
        STARTUP,
        r"(?i)\b(?:warming up|loading|building|restoring|recovering|replaying|migrating|indexing|preloading|initiali[sz]ing|rebuilding|hydrating)\b.{0,80}\d{1,2}(?:\.\d+)? ?%",
    ),
    // NVIDIA, "XID Errors"; open-gpu-kernel-modules `nvidia/arch/nvalloc/unix/src/osapi.c`.
    node(
        XID,
        r"NVRM: Xid|NVRM: .*fallen off the bus|NVRM: .*(?:RmInitAdapter failed|uncorrectable|contained ECC|row remap)|(?i)\bxid(?: error)?s?\b[ :=(]*(?:PCI|\d+|error)|NvidiaXID\d+|fallen off the bus|\bGPU is lost|XidCriticalError|device marked unhealthy: GPU-|device will go unhealthy|gpu[ _-]?missing|NVLINK.*(?:error|fail)|double[- ]bit ECC|uncorrect\w+ ECC|row[- ]remap\w* (?:fail|pending)",
    ),
    // CUDA runtime, `cudaGetErrorString`; NVML, `nvmlErrorString`.
    log(
        XID,
        r"CUDA(?: runtime)? [Ee]rror:? ?(?:\d+ )?.*(?:illegal (?:memory access|instruction|address)|unspecified launch failure|uncorrectable (?:ECC|NVLink)|misaligned address|device-side assert|hardware stack error|an illegal|unknown error|no CUDA-capable device|system (?:not yet initialized|has unsupported))|CUDA_ERROR_(?:ILLEGAL_\w+|LAUNCH_FAILED|ECC_UNCORRECTABLE|UNKNOWN|HARDWARE\w*|NOT_INITIALIZED|NO_DEVICE|MISALIGNED\w*)|cudaError(?:IllegalAddress|LaunchFailure|ECCUncorrectable|IllegalInstruction|Unknown|DevicesUnavailable)|ECC[ _-]?(?:UNCORRECTABLE|uncorrectable)|Failed to initialize NVML|Unable to determine the device handle|NVML: (?:GPU is lost|Unknown Error)|nvidia-smi.*(?:failed|ERR!)",
    ),
    // Linux `net/sched/sch_generic.c` (`NETDEV WATCHDOG`), drivers ixgbe, ena, mlx5, virtio_net; `net/ipv4`.
    node(
        NETWORK,
        r"(?i)NETDEV WATCHDOG|transmit queue \d+ timed out|tx (?:unit )?hang|detected hardware unit hang|(?:NIC|link|carrier)(?: link)? is down|lost carrier|carrier (?:lost|down|changed)|link (?:flap\w*|down|is down)|unregister_netdevice: waiting for|\bena\b.*(?:keep alive watchdog|reset)|mlx[45]\w*.*(?:error|down|timeout)|rx_(?:crc|missed|errors)|packets? (?:are |is |were )?(?:dropped|lost)|packet loss|[^,] dropping packets?|retransmi(?:t|ss)|(?:path )?mtu\b|message too long|frag(?:mentation)? needed|black ?hole|InterfaceNot(?:Up|Running)|UnexpectedRejectRule|ConntrackExceeded|BandwidthIn?(?:Out)?Exceeded|PPSExceeded|LinkLocalExceeded|NetworkSysctl|IPAMDNot\w+|MissingLoopbackInterface|FrequentUnregisterNetDevice|UnregisterNetDevice|NoRouteCreated|RouteController failed",
    ),
    // node-mixin `alerts/alerts.libsonnet`: NodeNetworkReceiveErrs, NodeNetworkTransmitErrs.
    node(
        NETWORK,
        r"interface .{1,60} has encountered .{1,60} (?:receive|transmit) errors in the last",
    ),
    // net/http `transport.go`: connected, but the server's part of the handshake does not arrive (lost large packets), or late.
    log(
        &[
            "app-vs-infra/network-degraded",
            "cascading-failure/dependency-slow",
        ],
        r"net/http: TLS handshake timeout",
    ),
    // Calico `node/pkg/health/health.go`; Cilium; flannel.
    node(
        NETWORK,
        r"BIRD is not ready|BGP not established|calico/node is not ready|Felix is not (?:ready|live)|(?i)cilium (?:agent )?is not ready|vxlan.*(?:fail|error)|node .*unreachable via|health check .* (?:icmp|http) .*(?:timed out|unreachable)",
    ),
    // `pkg/kubelet/nodestatus/setters.go`, `pkg/controller/nodelifecycle/node_lifecycle_controller.go`.
    node(
        NODE,
        r"Kubelet stopped posting node status|PLEG is not healthy|[Cc]ontainer runtime is down|container runtime status check may not have completed|[Cc]ontainer runtime (?:network )?not ready|runtime network not ready|cni (?:plugin|config) (?:not initialized|uninitialized)|NetworkPluginNotReady|status is now: NodeNotReady|Node is not ready|Kubelet never posted node status|failed to (?:get|ensure) (?:node )?lease|(?:kubelet|containerd|docker|crio)\S* (?:is |was )?(?:down|dead|not running|stopped|unhealthy|inactive|failed)|KubeletIsDown|KubeletUnhealthy|ContainerRuntimeUnhealthy|ContainerRuntimeIsDown|Frequent(?:Kubelet|Containerd|Docker)Restart|error killing pod.*DeadlineExceeded.*runtime|node \S+ (?:is )?(?:not responding|unresponsive|unreachable)|shutdown manager|node is shutting down|Missing CSINode|kubelet.*x509: certificate",
    ),
    // `pkg/controller/tainteviction`, `pkg/controller/nodelifecycle`, cloud-controller-manager.
    event(
        NODE,
        &[
            "NodeNotReady",
            "TaintManagerEviction",
            "NodeControllerEviction",
            "DeletingNode",
            "RemovingNode",
            "Rebooted",
            "NodeShutdown",
            "InvalidDiskCapacity",
            "ContainerGCFailed",
            "KubeletSetupFailed",
        ],
        r".",
    ),
    Pattern {
        mechanisms: NODE,
        places: &[Condition, Status],
        reasons: &[
            "NodeStatusUnknown",
            "KubeletNotReady",
            "NodeLost",
            "NodeStatusNeverUpdated",
        ],
        message: r"",
    },
    node(
        NODE,
        r"(?:kubelet|containerd|crio|cri-o).*(?:Unable to (?:register|authenticate)|Error updating node status|failed to (?:connect|dial).*(?:containerd|crio)\.sock)|(?:containerd|crio)\.sock.*(?:no such file|connection refused|deadline exceeded|connection error)|Unable to register node|Error updating node status|[Ff]ailed to update lease|\bNode .* which was running pod .* is unresponsive",
    ),
    // `pkg/proxy`, `cmd/kube-proxy`; client-go leader election; `pkg/scheduler`; etcd.
    node(
        COMPONENT,
        r"[Ll]eaderelection lost|leader election lost|[Ff]ailed to (?:acquire|renew) lease|error retrieving resource lock|stopped leading|nf_conntrack_max|Failed to (?:execute|sync) (?:iptables|ipvs|nftables)|iptables-restore|can't set sysctl net/|Failed to (?:list|watch) \*v1\.(?:Service|EndpointSlice|Endpoints|Node|Pod)|kube-(?:proxy|scheduler|controller-manager|apiserver).*(?:exit|fail|down|crash|error|refused|not running|panic)|etcdserver: (?:request timed out|leader changed|no leader|mvcc|not capable)|127\.0\.0\.1:(?:10251|10252|10257|10259|2379|10249|10256)|Failed to retrieve node info|can't use (?:IPVS|the IPVS|nftables)|no leader\b|controller.*(?:not running|stopped)|KubeProxyDown|KubeSchedulerDown|KubeControllerManagerDown",
    ),
    // nginx `ngx_http_limit_req_module`, `ngx_connection.c`; Envoy; PHP-FPM; Linux `net/ipv4/tcp_input.c`.
    log(
        SURGE,
        r"limiting (?:requests|connections),? |worker_connections are not enough|upstream.*(?:overflow|max_requests|pending)|server reached (?:pm\.)?max_children|possible SYN flooding|listen(?:en)? queue|accept queue|backlog (?:is )?full|(?i)too many (?:concurrent|pending|in-?flight|simultaneous) (?:requests|connections)|request(?:s)? queue (?:is )?full|load shed|shedding load|overload(?:ed)?\b|thread ?pool (?:is )?exhausted|maximum (?:number of )?(?:threads|workers|connections) .*reached|RejectedExecutionException|traffic (?:spike|surge)|(?:rps|requests per second|request rate).*(?:exceed|above|spike)|connections? limit (?:reached|exceeded)|circuit.?breaker.*(?:open|overflow)|queue depth",
    ),
    Pattern {
        mechanisms: SURGE,
        places: &[Event, Condition],
        reasons: &[
            "SuccessfulRescale",
            "TooManyReplicas",
            "ScalingLimited",
            "KEDAScaleTargetActivated",
        ],
        message: r"above target|more than the maximum replica count|New size",
    },
    // PostgreSQL `src/backend/tcop/postgres.c` (`check_log_duration`); MySQL slow log; MongoDB; Hibernate; GORM; OpenSearch.
    log(
        QUERY,
        r"duration: (?:\d{4,}|[5-9]\d\d)(?:\.\d+)? ms\s+(?:statement|execute|parse|bind|plan)|# Query_time: |(?i)slow ?-?(?:sql|query|queries|log|command)|SLOWLOG|statement timeout|maximum statement execution time exceeded|query (?:execution )?(?:was )?(?:timed out|took|exceeded)|took\[\d+(?:\.\d+)?(?:s|m)\]|(?:full|sequential) (?:table |collection )?scan|COLLSCAN|Seq Scan|missing index|no index|operations were slow|execution timeout expired|ORA-01013|queryTimeout|MaxTimeMSExpired|exceeded time limit|context deadline exceeded.*(?:query|select)|sql.*(?:took|elapsed|duration).*\d{4,} ?ms",
    ),
    // PostgreSQL `src/backend/storage/lmgr/proc.c`, `deadlock.c`; InnoDB; SQL Server; Oracle; SQLite; Liquibase.
    log(
        LOCK,
        r"still waiting for \w+(?:Lock)?|acquired \w+Lock .* after|[Pp]rocess(?:es)? holding the lock|deadlock detected|[Dd]eadlock found|lock timeout|could not obtain lock|Lock wait timeout exceeded|metadata lock|waits for \w+Lock|was deadlocked on|Lock request time ?out|ORA-000(?:60|54)|ORA-30006|database (?:table )?is locked|LockTimeout|LockNotAvailable|WriteConflict|Waiting for changelog lock|Could not acquire change log lock|(?i)(?:unable|failed|could not|cannot) to? ?(?:acquire|obtain|get) .{0,40}lock|blocked by (?:pid|process|session)|lock (?:acquisition|wait)|idle in transaction|advisory lock|row lock|PessimisticLock|CannotAcquireLock|LockAcquisition|blocking (?:pid|session|query)",
    ),
    // crypto/x509 `verify.go`; golang-jwt; PyJWT; AWS; Kerberos; etcd `server/etcdserver/api/rafthttp`; chrony.
    node(
        CLOCK,
        r"current time \S+(?: \S+)? is before|(?i)token (?:is )?(?:used before issued|not (?:yet )?valid(?: yet)?|issued in the future)|used before issued|issued in the future|not yet valid|NotYetValid|\b(?:nbf|iat)\b.{0,40}(?:fail|future|invalid|not|claim)|ImmatureSignature|RequestTimeTooSkewed|RequestExpired|difference between the request time and the (?:current|server)|clock[- _]?skew|clock (?:is )?(?:drift|out of sync|unsynchroni[sz]ed|wrong|not synchroni[sz]ed|difference)|System clock wrong|KRB_AP_ERR_SKEW|NTP.*(?:unreachable|down|problem|not synchroni|unsynchroni|offset)|time (?:drift|offset|skew|sync\w* (?:lost|failed))|Signature not yet current|TIME_ERROR|Can't synchroni[sz]e|no selectable source|(?:in|from) the future",
    ),
    // Linux block layer, `drivers/nvme`, `drivers/ata`, `arch/x86/kernel/cpu/mce`, EDAC; node-problem-detector `config/kernel-monitor.json`.
    node(
        HARDWARE,
        r"(?i)buffer i/o error|blk_update_request|i/o error, dev|(?:critical )?medium error|unrecovered read error|nvme\S*:? .*(?:timeout|i/o \d+|abort|reset|controller is down|removing|failed)|\bata\d.*(?:failed command|exception|error|reset|UNC)|machine[- ]check|\bmce\b|hardware error|EDAC .*(?:[CU]E|error)|[CU]E memory|memory read error|(?:un)?correct(?:ed|able) (?:memory|dimm|error|machine)|\bSMART\b.*(?:fail|error|prefail|threshold)|reallocated sector|input/output error|\bEIO\b|PCIe Bus Error|AER: |(?:disk|drive|dimm|psu|fan|cpu|raid|md\d*).{0,20}(?:failure|failed|degraded|faulty|predict)|thermal (?:trip|shutdown)|bad (?:block|sector|page)|soft lockup|BUG: |DegradedArray|hard resetting link|MemoryReadError|cpu clock throttled",
    ),
    event(
        HARDWARE,
        &[
            "IOError",
            "MemoryReadError",
            "HardwareError",
            "MCEError",
            "KernelOops",
            "DiskFailure",
        ],
        r".",
    ),
    // client-go `rest/request.go`: the client's own limit; etcd mixin, etcdHighFsyncDurations and etcdHighCommitDurations.
    node(
        SLOW,
        r"Waited for \S+ due to client-side throttling|percentile (?:fsync|commit) durations are",
    ),
    // EKS node monitoring agent (`StorageReady`), etcd `server/storage/wal`, PostgreSQL `checkpointer.c`.
    node(
        SLOW,
        r"EBS(?:Instance|Volume)?(?:IOPS|Throughput)Exceeded|(?i)IODelays|iops (?:limit|exceed)|throughput (?:limit|exceed)|burst (?:balance|credit)|cpu credit|credits? (?:exhausted|depleted)|took too long|sync duration of|checkpoints are occurring too frequently|(?:latency|response time|p9\d).{0,40}(?:increase|degrad|exceed|high|above)|slow (?:fdatasync|disk|i/o|request|operation|response)|degraded performance|performance (?:degrad|issue)|performance is degraded|throttl\w+ (?:by|due to) (?:the )?(?:disk|volume|storage|quota)|asynchronous AOF fsync is taking too long|overran (?:the )?(?:time )?budget|request took \d",
    ),
];
