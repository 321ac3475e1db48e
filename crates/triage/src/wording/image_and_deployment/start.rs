//! What runtimes, shells and interpreters say of commands that cannot be run, and what init steps and Jobs say.

use crate::wording::{Pattern, Place};

const COMMAND: &str = "image-and-deployment/bad-command";
const INIT: &str = "image-and-deployment/init-container-failing";
const JOB: &str = "image-and-deployment/job-failing";

const ANYWHERE: &[Place] = &[
    Place::Event,
    Place::Waiting,
    Place::Terminated,
    Place::Status,
    Place::Log,
];
const LOG: &[Place] = &[Place::Log, Place::Terminated];

pub(crate) const PATTERNS: &[Pattern] = &[
    // Go `os/exec` in runc `libcontainer/init_linux.go`; crun `src/libcrun/utils.c`; youki.
    Pattern {
        mechanisms: &[COMMAND],
        places: ANYWHERE,
        reasons: &[],
        message: r"(?i)executable file [^\n]*not found in (?:%|\$)PATH|executable path .* not found|cannot find [^\n]* in \$PATH",
    },
    Pattern {
        mechanisms: &[COMMAND],
        places: ANYWHERE,
        reasons: &[],
        message: r#"(?i)(?:\bexec:? |starting container process caused|unable to start container process|fork/exec |exec(?:ing)? (?:user|container) process|open executable|hcs::System::CreateProcess|executing )[^\n]*(?:no such file or directory|permission denied|is a directory|not a directory|operation not permitted|cannot find the file)"#,
    },
    Pattern {
        mechanisms: &[COMMAND],
        places: ANYWHERE,
        reasons: &[],
        message: r"(?i)chdir to cwd [^\n]*(?:no such file|permission denied)|no command specified|container process is already dead.*exec|invalid (?:entrypoint|command)|mkdir cwd",
    },
    // dash, bash, busybox ash, env, tini, dumb-init.
    Pattern {
        mechanisms: &[COMMAND],
        places: LOG,
        reasons: &[],
        message: r"(?i)(?:^|\s|/)(?:ba|a|da|z|k)?sh: (?:line )?\d*:? ?(?:exec: )?[^:\n]+: (?:command )?not found|command not found|(?:^|\s|/)(?:ba|a|da)?sh: (?:\d+: )?(?:can't open|cannot open|0: cannot open)|env: (?:can't execute|‘?'?[^:\n]+'?’?): no such file|(?:^|\s|/)(?:ba|a|da)?sh: [^\n]*(?:permission denied|no such file or directory)|\[(?:FATAL|dumb-init)[^\n]*(?:exec|no such file)|env: \S+: No such file|bad interpreter|/bin/sh: illegal option|exec [^\n:]+: (?:no such file or directory|permission denied)",
    },
    // Interpreters whose program is not where the command says.
    Pattern {
        mechanisms: &[COMMAND],
        places: LOG,
        reasons: &[],
        message: r"(?i)can't open file '[^']*': \[errno 2\]|unable to access jarfile|could not find or load main class|error: cannot find module '/[^']*'|no such file or directory -- \S+ \(LoadError\)|could not open input file|\berror: no such command|unknown command \S+ for",
    },
    // `pkg/kubelet/status/generate.go`: init containers that have not completed.
    Pattern {
        mechanisms: &[INIT],
        places: &[Place::Condition],
        reasons: &["ContainersNotInitialized"],
        message: "",
    },
    Pattern {
        mechanisms: &[INIT],
        places: &[Place::Event, Place::Waiting, Place::Status],
        reasons: &[],
        message: r"(?i)init:(?:crashloopbackoff|error)|init container [^\n]*(?:fail|error|exit|terminated|crash)|restarting failed (?:init container|container=?\s?\S*(?:init|migrat|wait|setup|bootstrap|prepare|chown|copy)\S*)",
    },
    // Schema migrations: Flyway, Liquibase, Alembic, Django, Rails, goose, golang-migrate, knex, Prisma, Sequelize.
    Pattern {
        mechanisms: &[INIT, JOB],
        places: LOG,
        reasons: &[],
        message: r"(?i)(?:migrat|flyway|liquibase|alembic|knex|prisma|goose|sequelize|changeset|changelog)[^\n]*(?:fail|error|abort|dirty|lock|invalid|mismatch|could not|exception)|dirty database version|multiple head revisions|can't locate revision|(?:column|relation|table|index|type|constraint) \S+ (?:of relation \S+ )?already exists",
    },
    // Init steps that wait: wait-for-it, k8s-wait-for, dockerize, pg_isready, nc, wget, nslookup.
    Pattern {
        mechanisms: &[INIT],
        places: LOG,
        reasons: &[],
        message: r"(?i)waiting (?:for|until) \S+|is (?:not ready|unavailable)(?: yet)? - sleeping|still waiting|timeout occurred after waiting|timed out (?:after )?waiting for|wait-for-it\.sh: timeout|pods? .* not ready|jobs? .* (?:not complete|found no)",
    },
    Pattern {
        mechanisms: &[INIT, JOB],
        places: LOG,
        reasons: &[],
        message: r"(?i)(?:chown|chmod|cp|mkdir|mv|ln|tar|install): [^\n]*(?:cannot stat|can't stat|no such file|missing operand|operation not permitted)|error: unknown (?:shorthand )?flag|flag provided but not defined|unknown (?:option|argument|flag)|fatal: (?:could not read|repository|unable|not a git)|(?:init|setup|bootstrap)[^\n]*(?:failed|exited with (?:code|status) [1-9])",
    },
    // `pkg/controller/job/job_controller.go`.
    Pattern {
        mechanisms: &[JOB],
        places: &[Place::Condition, Place::Event, Place::Status],
        reasons: &[],
        message: r"(?i)job has reached the specified backoff limit|job was active longer than specified deadline|failed with exit code \d+ matching FailJob rule|(?:job|indexes?)[^\n]*(?:maximal number of failed indexes|failed indexes)|job has failed indexes|saw completed job: \S+, (?:status|condition): failed|job \S+ failed|FailJob rule|container \S+ for pod \S+ failed with exit code",
    },
    Pattern {
        mechanisms: &[JOB],
        places: &[Place::Condition, Place::Event],
        reasons: &[
            "BackoffLimitExceeded",
            "PodFailurePolicy",
            "MaxFailedIndexesExceeded",
            "FailedIndexes",
        ],
        message: "",
    },
    // `pkg/controller/cronjob/cronjob_controllerv2.go`.
    Pattern {
        mechanisms: &[JOB],
        places: &[Place::Event],
        reasons: &[
            "JobAlreadyActive",
            "MissSchedule",
            "TooManyMissedTimes",
            "UnparseableSchedule",
            "FailedCreate",
        ],
        message: r"(?i)prior execution is running|missed (?:scheduled time|start times?)|too many missed|unparseable schedule|error creating job",
    },
    // Scripts of Jobs that say themselves that they failed.
    Pattern {
        mechanisms: &[JOB],
        places: &[Place::Log],
        reasons: &[],
        message: r"(?i)\b(?:job|batch|export|import|etl|cron(?:job)?)\b[^\n]*\b(?:failed|aborted)\b|unbound variable|syntax error(?:: | near)",
    },
];
