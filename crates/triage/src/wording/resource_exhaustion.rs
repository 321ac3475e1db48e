//! How components word faults of the category `resource-exhaustion`. Must not know what else was read.

use super::Pattern;
use super::Place::{Condition, Event, Log, Status, Terminated, Waiting};

const LIMIT: &str = "resource-exhaustion/memory-limit-too-low";
const LEAK: &str = "resource-exhaustion/memory-leak";
const REWRITTEN: &str = "resource-exhaustion/oom-by-webhook-or-job";
const NODE_MEMORY: &str = "resource-exhaustion/node-memory-starvation";
const THROTTLED: &str = "resource-exhaustion/cpu-limit-throttling";
const SATURATED: &str = "resource-exhaustion/cpu-saturation";
const NODE_CPU: &str = "resource-exhaustion/node-cpu-starvation";
const THERMAL: &str = "resource-exhaustion/gpu-thermal-throttling";
const DISK: &str = "resource-exhaustion/disk-pressure-eviction";
const EPHEMERAL: &str = "resource-exhaustion/ephemeral-storage-limit";
const CAPACITY: &str = "resource-exhaustion/insufficient-capacity";
const POD_COUNT: &str = "resource-exhaustion/node-pod-capacity";
const QUOTA: &str = "resource-exhaustion/quota-exceeded";
const RANGE: &str = "resource-exhaustion/limit-range-violation";
const PRIORITY: &str = "resource-exhaustion/priority-preemption";
const AUTOSCALER: &str = "resource-exhaustion/hpa-cannot-scale";
const POOL: &str = "resource-exhaustion/connection-pool-exhausted";
const KERNEL: &str = "resource-exhaustion/kernel-table-exhausted";

type Ids = &'static [&'static str];
type Places = &'static [super::Place];

const ANYWHERE: Places = &[Event, Waiting, Terminated, Condition, Status, Log];
const EVICTION: Places = &[Event, Status, Condition];
const NODE: Places = &[Event, Condition];
const FREE: Places = &[Event, Condition, Status, Log];

const fn words(mechanisms: Ids, places: Places, message: &'static str) -> Pattern {
    with(mechanisms, places, &[], message)
}

const fn with(mechanisms: Ids, places: Places, reasons: Ids, message: &'static str) -> Pattern {
    Pattern {
        mechanisms,
        places,
        reasons,
        message,
    }
}

pub(super) const PATTERNS: &[Pattern] = &[
    // Memory. containerd and CRI-O report the reason for a kill in the cgroup and, with cgroup v2, for a kill of the
    // whole machine as well (`memory.events`, `oom_kill`).
    with(
        &[LIMIT, LEAK, REWRITTEN, NODE_MEMORY],
        &[Terminated],
        &["OOMKilled"],
        r"",
    ),
    // runc `libcontainer/process_linux.go`; CRI-O `server/sandbox_run_linux.go`; Docker's daemon.
    words(&[LIMIT, REWRITTEN], ANYWHERE, r"container init was OOM-killed"),
    words(
        &[LIMIT, REWRITTEN],
        ANYWHERE,
        r"set memory limit \S+ too low; should be at least|[Mm]inimum memory limit allowed is",
    ),
    // Linux `mm/oom_kill.c`, as shown by node-problem-detector (reason OOMKilling) or a node's log.
    words(
        &[LIMIT, LEAK, REWRITTEN],
        FREE,
        r"Memory cgroup out of memory: Kill(?:ed)? process|constraint=CONSTRAINT_MEMCG",
    ),
    words(
        &[NODE_MEMORY],
        FREE,
        r"(?:^|[\]:] ?)Out of memory: Kill(?:ed)? process|constraint=CONSTRAINT_NONE|global_oom",
    ),
    // Linux `mm/memcontrol.c`, `mem_cgroup_print_oom_context` and `..._meminfo`: the cgroup that hit its own limit.
    words(
        &[LIMIT, LEAK, REWRITTEN],
        FREE,
        r"Task in /\S+ killed as a result of limit of /\S+|\bmemory: usage \d+kB, limit \d+kB, failcnt \d+",
    ),
    // Linux `mm/oom_kill.c`, `dump_header`: opens the report of either kind of kill.
    words(
        &[LIMIT, LEAK, REWRITTEN, NODE_MEMORY],
        FREE,
        r"\S+ invoked oom-killer: gfp_mask=",
    ),
    // Docker's daemon, `GET /events`: a container's `oom` event.
    words(
        &[LIMIT, LEAK, REWRITTEN],
        &[Log],
        r"\(from \S+\) oom\b|\bcontainer oom [0-9a-f]{64}\b",
    ),
    with(
        &[NODE_MEMORY, LIMIT, LEAK],
        &[Event],
        &["OOMKilling"],
        r"^Killed process \d+",
    ),
    // kubelet `pkg/kubelet/oom/oom_watcher_linux.go`.
    words(
        &[NODE_MEMORY],
        FREE,
        r"System OOM encountered(?:, victim process: (?P<process>[^,]+))?",
    ),
    // kubelet `pkg/kubelet/eviction/helpers.go`, `pkg/kubelet/nodestatus/setters.go`.
    words(
        &[NODE_MEMORY],
        EVICTION,
        r"The node was low on resource: \[?memory|[Tt]he node had condition: \[[^\]]*MemoryPressure",
    ),
    words(
        &[NODE_MEMORY],
        NODE,
        r"Attempting to reclaim memory|NodeHasInsufficientMemory|kubelet has insufficient memory available",
    ),
    words(
        &[NODE_MEMORY],
        NODE,
        r"taint\(?s?\)? \{node\.kubernetes\.io/memory-pressure|node\(s\) had memory pressure",
    ),
    // kubelet `pkg/kubelet/eviction/eviction_manager.go`, `Admit` and `synchronize`, before and after structured logs.
    words(
        &[NODE_MEMORY],
        &[Event, Log],
        r#"(?i)(?:node has conditions: |node conditions - observed: |nodeCondition=)\[(?:"?\w+"?,? ?)*"?MemoryPressure\b"#,
    ),
    // VPA `pkg/updater/eviction`.
    words(
        &[REWRITTEN],
        &[Event, Status, Condition],
        r"evicted by VPA Updater to apply resource recommendation",
    ),
    // Runtimes that hit their own ceiling or the cgroup's.
    words(
        &[LEAK, LIMIT],
        &[Log, Terminated],
        r"java\.lang\.OutOfMemoryError: (?:Java heap space|GC overhead limit exceeded|Metaspace|Compressed class space|(?:Cannot reserve \d+ bytes of )?[Dd]irect buffer memory|Requested array size)",
    ),
    words(
        &[LEAK, LIMIT],
        &[Log, Terminated],
        r"JavaScript heap out of memory|Reached heap limit Allocation failed|Ineffective mark-compacts near heap limit",
    ),
    // V8 `src/heap/gc-tracer.cc`: the last collections before the abort. Node.js `lib/events.js` and Netty
    // `ResourceLeakDetector.java` name a leak themselves, as Tomcat's `WebappClassLoaderBase` does.
    words(
        &[LEAK, LIMIT],
        &[Log, Terminated],
        r"<--- Last few GCs --->|\d+ ms: (?:Scavenge|Mark-(?:[Ss]weep|Compact))\b.*\(average mu = [\d.]+, current mu = [\d.]+\) (?:allocation failure|last resort)",
    ),
    words(
        &[LEAK],
        &[Log],
        r"Possible EventEmitter memory leak detected|LEAK: \w+\.(?:release|close)\(\) was not called before it's garbage-collected|appears to have started a thread named .* but has failed to stop it",
    ),
    words(
        &[LEAK, LIMIT],
        &[Log, Terminated],
        r"fatal error: runtime: (?:out of memory|cannot allocate memory)|runtime: out of memory: cannot allocate",
    ),
    words(
        &[LEAK, LIMIT],
        &[Log, Terminated],
        r"(?:^|[\s:])MemoryError\b|numpy\.core\._exceptions\._ArrayMemoryError|System\.OutOfMemoryException|std::bad_alloc|Allowed memory size of \d+ bytes exhausted|memory allocation of \d+ bytes failed|NoMemoryError",
    ),
    words(
        &[LIMIT, LEAK, REWRITTEN, NODE_MEMORY],
        &[Log, Terminated],
        r"Worker \(pid:\d+\) was sent SIGKILL! Perhaps out of memory\?|Process '[^']*' pid:\d+ exited with 'signal 9 \(SIGKILL\)'|was terminated by signal 9: Killed",
    ),
    // CPU: what runtimes say when they do not get to run. Too little quota, a busy machine or their own work.
    words(
        &[THROTTLED, NODE_CPU, SATURATED],
        &[Log],
        r"Thread starvation or clock leap detected",
    ),
    words(
        &[THROTTLED, NODE_CPU, SATURATED],
        &[Log],
        r"[Tt]hread \S+ has been blocked for \d+ ?ms, time limit is \d+|(?i:event loop (?:is |was )?(?:blocked|lag(?:ging)?|delay(?:ed)?|utilization))",
    ),
    words(
        &[THROTTLED, NODE_CPU, SATURATED],
        &[Log],
        r"(?i)heartbeat was delayed|thread[ -]?pool starvation|heartbeat has been running for .* longer than|Executing <(?:Task|Handle).* took \d+\.\d+ seconds",
    ),
    words(
        &[THROTTLED],
        FREE,
        r"(?i)\bcpu (?:is |was |being )?throttl(?:ed|ing)|\bcfs[_ ](?:quota|throttl)|nr_throttled|throttled_(?:usec|time)|CPUThrottlingHigh",
    ),
    // kubernetes-mixin `alerts/resource_alerts.libsonnet`, CPUThrottlingHigh.
    words(
        &[THROTTLED],
        FREE,
        r"throttling of CPU in namespace .+ for container |elevated CPU throttling",
    ),
    // node-mixin `alerts/alerts.libsonnet`: NodeCPUHighUsage, NodeSystemSaturation; alerts that name the machine.
    words(
        &[NODE_CPU],
        FREE,
        r"CPU usage at .{1,80} has been above .{1,40} for the last|System load per core at .{1,80} has been above|(?i)\b(?:instance|node|host|device|server)(?:'s)? cpu usage (?:has exceeded|is (?:dangerously |too |very )?high)",
    ),
    // etcd `server/etcdserver/raft.go`: an overloaded machine or a slow disk.
    words(
        &[NODE_CPU, "app-vs-infra/performance-degradation"],
        &[Log],
        r"failed to send out [Hh]eartbeat on time",
    ),
    words(
        &[NODE_CPU],
        FREE,
        r"soft lockup - CPU#\d* stuck|rcu(?:_sched|_preempt)?:? (?:INFO: )?(?:rcu_\w+ )?(?:self-)?detected stalls?|rcu_\w+ kthread starved|task \S+ blocked for more than \d+ seconds",
    ),
    words(
        &[SATURATED],
        &[Log],
        r"(?i)\[gc\]\[(?:\w+\]\[)?\d+\] overhead, spent|overhead, spent \[[^\]]+\] collecting in the last|cpu (?:usage|utili[sz]ation|load) (?:is |at |of |above |over )*(?:9\d|100)(?:\.\d+)? ?%",
    ),
    // GPU: DCGM `dcgmlib/dcgm_errors.h`, nvidia-smi, GPUd, node agents' conditions.
    words(
        &[THERMAL],
        FREE,
        r"(?i)(?:hw|sw|hardware|software)[ _-]?thermal[ _-]?(?:slowdown|throttl)|clocks?[ _](?:throttl\w*|event)[ _]reasons?[ ._]\w*thermal|thermal violations?|thermal (?:slowdown|throttling)|throttl\w* due to (?:thermal|temperature|overheat)",
    ),
    // GPUd `components/accelerator/nvidia/hw-slowdown`; DCGM's thermal margin watch as NVSentinel's conditions print it.
    words(
        &[THERMAL],
        FREE,
        r"(?i)slowdown is engaged due to (?:high )?temperature|thermal margin .{1,20} below|\bGPU_TEMP_\w*(?:SLOWDOWN|VIOLATION)",
    ),
    words(
        &[THERMAL],
        FREE,
        r"(?i)gpu\b.*(?:temperature|overheat)\w*.*(?:exceed|above|over|threshold|slowdown|limit|too high)|DCGM_FR_(?:THERMAL_VIOLATIONS|CLOCK_THROTTLE_THERMAL|TEMP_VIOLATION)|GPU(?:Over)?(?:Temp|Thermal)\w*",
    ),
    // Disk. kubelet `pkg/kubelet/eviction/helpers.go`, `pkg/kubelet/images/image_gc_manager.go`.
    words(
        &[DISK],
        EVICTION,
        r"The node was low on resource: \[?(?:ephemeral-storage|inodes|imagefs|nodefs|containerfs|DiskPressure)\]?.*?Container (?P<container>\S+) was using (?P<used>[0-9.]+[KMGT]?i?)",
    ),
    words(
        &[DISK],
        EVICTION,
        r"The node was low on resource: \[?(?:ephemeral-storage|inodes|imagefs|nodefs|containerfs|DiskPressure)|[Tt]he node had condition: \[[^\]]*DiskPressure",
    ),
    words(
        &[DISK],
        NODE,
        r"Attempting to reclaim (?:ephemeral-storage|inodes|imagefs|nodefs)|NodeHasDiskPressure|kubelet has disk pressure",
    ),
    words(
        &[DISK],
        FREE,
        r"[Ff]ailed to garbage collect required amount of images|(?:freed|only found) (?:\S+ ){1,2}bytes.* eligible to free|wanted to free \d+ bytes, but freed",
    ),
    words(
        &[DISK],
        NODE,
        r"taint\(?s?\)? \{node\.kubernetes\.io/disk-pressure|node\(s\) had disk pressure|NodeUnderDiskPressure",
    ),
    // kubelet `pkg/kubelet/eviction/eviction_manager.go`, `Admit` and `synchronize`, before and after structured logs.
    words(
        &[DISK],
        &[Event, Log],
        r#"(?i)(?:node has conditions: |node conditions - observed: |nodeCondition=)\[(?:"?\w+"?,? ?)*"?DiskPressure\b"#,
    ),
    with(
        &[DISK],
        &[Event, Waiting],
        &[
            "Failed",
            "FailedCreatePodSandBox",
            "ErrImagePull",
            "ImagePullBackOff",
            "CreateContainerError",
            "RunContainerError",
            "CreateContainerConfigError",
            "FailedMount",
        ],
        r"no space left on device",
    ),
    words(
        &[DISK],
        &[Event],
        r"^(?:invalid capacity 0 on image filesystem|.*disk usage on image filesystem is at|.*usage on image filesystem is over)",
    ),
    // kubelet `pkg/kubelet/eviction/eviction_manager.go`, local storage of the pod itself.
    words(
        &[EPHEMERAL],
        EVICTION,
        r"Pod ephemeral local storage usage exceeds the total limit of containers (?P<limit>[^\s]+?)\.?(?:\s|$)",
    ),
    words(
        &[EPHEMERAL],
        EVICTION,
        r#"Container (?P<container>\S+) exceeded its local ephemeral storage limit "?(?P<limit>[^"\s]+?)"?\.?(?:\s|$)"#,
    ),
    words(
        &[EPHEMERAL],
        EVICTION,
        r#"Usage of EmptyDir volume "?(?P<volume>[^"\s]+?)"? exceeds the limit "?(?P<limit>[^"\s]+?)"?\.?(?:\s|$)"#,
    ),
    words(
        &[EPHEMERAL],
        EVICTION,
        r"[Ee]phemeral[ -]storage (?:usage )?(?:has )?exceed(?:s|ed) (?:the|its) (?:total )?limit",
    ),
    // Capacity. scheduler `pkg/scheduler/framework/plugins/noderesources/fit.go`; kubelet `lifecycle/predicate.go`,
    // `cm/devicemanager`; cluster-autoscaler; Karpenter.
    words(
        &[CAPACITY],
        &[Event, Condition, Status],
        r"nodes? (?:are|is) available:.*\bInsufficient (?P<resource>[A-Za-z0-9./_-]+[A-Za-z0-9])",
    ),
    words(
        &[CAPACITY],
        &[Event, Condition, Status],
        r"Node didn't have enough (?:resource|capacity): (?:cpu|memory|ephemeral-storage|hugepages-\w+|[a-z0-9.-]+/[a-z0-9.-]+)",
    ),
    words(
        &[CAPACITY],
        &[Event, Condition, Status],
        r"Allocate failed due to requested number of devices unavailable for|Allocate failed due to .*(?:no|not enough) (?:healthy )?devices",
    ),
    words(
        &[CAPACITY],
        &[Event],
        r"didn't trigger scale-up.*(?:Insufficient [a-z]|max node group size reached|max cluster (?:cpu|memory|gpu)[^,]* limit reached|in backoff after failed scale-up)",
    ),
    with(
        &[CAPACITY],
        &[Event],
        &[
            "FailedScaleUp",
            "ScaleUpTimedOut",
            "InsufficientCapacityError",
            "FailedScheduling",
        ],
        r"(?i)failed to increase node group size|nodes added to group .* failed to register|out of resource|InsufficientInstanceCapacity|insufficient capacity|stockout|ZONE_RESOURCE_POOL_EXHAUSTED|SkuNotAvailable|AllocationFailed",
    ),
    words(
        &[CAPACITY],
        &[Event],
        r"no instance type (?:which had enough resources|satisfied resources|has enough resources|met)|all available instance types exceed limits for (?:nodepool|provisioner)|would exceed .*limits? for (?:nodepool|provisioner)",
    ),
    words(
        &[CAPACITY],
        &[Condition, Event, Status],
        r"(?i)cannot allocate all claims|(?:pending, )?insufficient unused quota|couldn't assign flavors",
    ),
    words(
        &[POD_COUNT],
        &[Event, Condition, Status],
        r"Too many pods|Node didn't have enough (?:resource|capacity): pods\b|\bInsufficient pods\b",
    ),
    // Admission: `apiserver/plugin/pkg/admission/resourcequota`, `plugin/pkg/admission/limitranger`.
    words(
        &[QUOTA],
        ANYWHERE,
        r"exceeded quota: (?P<quota>[^,\s]+), requested: (?P<requested>\S+?), used: (?P<used>\S+?), limited: (?P<limited>[^\s,]+)",
    ),
    words(
        &[QUOTA],
        ANYWHERE,
        r"exceeded quota: (?P<quota>[^,\s]+)|failed quota: (?P<failed>[^:\s]+): must specify|insufficient quota to (?:consume|match these scopes)|status unknown for quota: (?P<unknown>[^,\s]+)",
    ),
    words(
        &[RANGE],
        ANYWHERE,
        r"(?P<bound>minimum|maximum) (?P<resource>[a-z0-9./-]+) usage per (?P<type>Container|Pod|PersistentVolumeClaim) is (?P<limit>[0-9][^\s,.\]]*)(?:, but (?P<part>request|limit) is (?P<found>[0-9][^\s,.\]]*))?",
    ),
    words(
        &[RANGE],
        ANYWHERE,
        r"(?P<resource>[a-z0-9./-]+) max limit to request ratio per (?P<type>Container|Pod) is|[Mm]ust be less than or equal to (?:\S+ )?limit\b",
    ),
    // Priority. scheduler `framework/preemption/preemption.go`; kubelet `pkg/kubelet/preemption/preemption.go`.
    words(
        &[PRIORITY],
        &[Event, Status],
        r"^Preempted by (?:a )?(?:pod )?(?P<pod>\S+)(?: on node (?P<node>\S+))?",
    ),
    words(
        &[PRIORITY],
        &[Event, Status, Condition],
        r"preempting to accommodate a higher priority pod|Preempted in order to admit critical pod|[Pp]od was preempted (?:by|to)",
    ),
    with(
        &[PRIORITY],
        &[Condition, Status],
        &[
            "PreemptionByScheduler",
            "PreemptionByKubeScheduler",
            "Preempting",
            "Preempted",
            "InClusterQueue",
            "InCohortReclamation",
        ],
        r"(?i)preempt",
    ),
    // Autoscaler. `pkg/controller/podautoscaler/{horizontal,replica_calculator}.go`.
    words(
        &[AUTOSCALER],
        &[Event, Condition],
        r"the HPA was unable to (?:compute the replica count|get the target's current scale|update the target scale)|the HPA controller was unable to (?:get|update) the target's? ",
    ),
    words(
        &[AUTOSCALER],
        &[Event, Condition],
        r"missing request for (?P<resource>\S+) in container (?P<container>\S+)|unable to get metrics for resource|no metrics returned from (?:resource|custom|external) metrics API|unable to fetch metrics from (?:resource|custom|external) metrics API|unable to get (?:external|object|pods?) metric",
    ),
    words(
        &[AUTOSCALER],
        &[Event, Condition],
        r"invalid metrics \(\d+ invalid out of \d+\)|failed to get \S+ (?:container )?(?:resource |external |object |pods? )?(?:utilization|metric)|did not receive metrics for|the desired replica count is more than the maximum replica count|the desired count is more than the maximum",
    ),
    words(
        &[AUTOSCALER],
        &[Event, Condition],
        r"AmbiguousSelector|controlled by multiple HPAs|unable to convert selector into a corresponding|(?:^|: )selector is required|no matches for kind .* in (?:group|version)",
    ),
    with(
        &[AUTOSCALER],
        &[Event, Condition],
        &[
            "FailedGetResourceMetric",
            "FailedGetContainerResourceMetric",
            "FailedGetExternalMetric",
            "FailedGetObjectMetric",
            "FailedGetPodsMetric",
            "FailedComputeMetricsReplicas",
            "FailedGetScale",
            "FailedUpdateScale",
            "TooManyReplicas",
            "InvalidSelector",
            "InvalidMetricSourceType",
            "KEDAScalerFailed",
            "FailedRescale",
        ],
        r"",
    ),
    // Pools. PostgreSQL `proc.c`, `postinit.c`; MySQL; Redis `networking.c`; poolers; drivers.
    words(
        &[POOL],
        &[Log, Terminated],
        r"sorry, too many clients already|remaining connection slots are reserved|too many connections for (?:role|database)|(?i:\btoo many connections\b)|max number of clients reached|no more connections allowed|query_wait_timeout|max_user_connections",
    ),
    words(
        &[POOL],
        &[Log, Terminated],
        r"Connection is not available, request timed out after|QueuePool limit of size \d+ overflow -?\d+ reached|Timeout acquiring a connection\. The pool is probably full|timeout exceeded when trying to connect|ConnectionAcquireTimeoutError|Timed out fetching a new connection from the (?:connection )?pool",
    ),
    words(
        &[POOL],
        &[Log, Terminated],
        r"(?i)could not (?:get a resource|obtain a connection) (?:from the|since the|within)? ?pool|could not obtain a connection from the pool|Could not get a resource since the pool is exhausted|Timeout waiting for (?:idle object|connection from pool)|Pool empty\. Unable to fetch a connection|PoolExhausted|Cannot get a connection, pool (?:error|exhausted)",
    ),
    words(
        &[POOL],
        &[Log, Terminated],
        r"(?i)timed? ?out (?:while )?waiting for an open connection|prior to obtaining a connection from the pool|connection pool (?:has been |is )?(?:exhausted|full(?:,? (?:cannot|waiting))|timed? ?out)|pool exhausted|checking out a connection from (?:the )?(?:connection )?pool|attempt by a client to checkout a Connection has timed out|Acquisition timeout while waiting for new connection|Pool#acquire\(Duration\) has been pending|waiting for (?:a slot|a connection) to become available|sql: (?:connection pool|database) .*exhausted|couldn't get a connection after \S+ sec|No managed connections available within",
    ),
    // Tables of the kernel: conntrack, ports, threads, PIDs, watches, files.
    words(
        &[KERNEL],
        FREE,
        r"nf_conntrack: (?:nf_conntrack: )?table full|ip_conntrack: table full|neighbou?r(?:: \w+)?: (?:arp_cache|ndisc_cache|neighbor table) overflow|neighbour table overflow",
    ),
    words(
        &[KERNEL],
        ANYWHERE,
        r"(?i)cannot assign requested address|EADDRNOTAVAIL|failed to create new OS thread|unable to create (?:new )?native thread|pthread_create.*(?:fail|EAGAIN|Resource temporarily unavailable)|can't start new thread|fork:? (?:retry: )?(?:Resource temporarily unavailable|failed)|fork/exec .*: resource temporarily unavailable|newosproc",
    ),
    words(
        &[KERNEL],
        ANYWHERE,
        r"The node was low on resource: \[?pids|NodeHasInsufficientPID|kubelet has insufficient PID available|Attempting to reclaim pids|node\.kubernetes\.io/pid-pressure|[Tt]he node had condition: \[[^\]]*PIDPressure|pids\.max|cgroup: fork rejected by pids controller",
    ),
    words(
        &[KERNEL],
        ANYWHERE,
        r"(?i)\btoo many open files\b|EMFILE|ENFILE|inotify_add_watch.*no space left|inotify watch limit reached|VFS: file-max limit \d+ reached|max user (?:instances|watches)",
    ),
];
