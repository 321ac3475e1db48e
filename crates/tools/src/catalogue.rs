//! All tools, and the choice of them that an agent gets.

use domain::Redacted;
use llm::ToolSpec;
use serde_json::Value;

use crate::call::{Called, ToolError, ToolInfo, entry};
use crate::families::{
    certificates, changes, config, helm, logs, memory, network, nodes, objects, placement, promql, quota,
    rbac, scaling, storage, webhooks, workload,
};

use crate::workspace::Workspace;

static ALL: &[ToolInfo] = &[
    entry::<objects::ObjectGet>(),
    entry::<objects::ObjectList>(),
    entry::<workload::WorkloadStatus>(),
    entry::<workload::Events>(),
    entry::<logs::LogsSearch>(),
    entry::<changes::Changes>(),
    entry::<memory::MemoryUsage>(),
    entry::<nodes::NodeConditions>(),
    entry::<placement::SchedulingExplain>(),
    entry::<quota::QuotaUsage>(),
    entry::<scaling::HpaStatus>(),
    entry::<promql::MetricsQuery>(),
    entry::<config::ConfigRefs>(),
    entry::<rbac::RbacCheck>(),
    entry::<webhooks::WebhooksFor>(),
    entry::<certificates::CertificateCheck>(),
    entry::<helm::HelmReleases>(),
    entry::<helm::HelmDiff>(),
    entry::<storage::PvcChain>(),
    entry::<storage::CsiDrivers>(),
    entry::<network::ServiceEndpoints>(),
    entry::<network::NetworkPolicyCheck>(),
    entry::<objects::EvidenceRead>(),
];

/// All tools.
pub fn all() -> &'static [ToolInfo] {
    ALL
}

/// The tools that one agent may call.
#[derive(Clone, Default)]
pub struct Toolbox {
    tools: Vec<&'static ToolInfo>,
}

impl Toolbox {
    /// The tools of these names; the error names the first unknown one.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let find = |name: &str| {
            ALL.iter()
                .find(|tool| tool.name == name)
                .ok_or_else(|| name.to_owned())
        };
        Ok(Self {
            tools: names.into_iter().map(find).collect::<Result<_, _>>()?,
        })
    }

    /// What the model is told of them.
    pub fn specs(&self) -> Vec<ToolSpec> {
        let spec = |tool: &&ToolInfo| ToolSpec {
            name: tool.name.to_owned(),
            description: tool.about.to_owned(),
            parameters: (tool.schema)(),
        };
        self.tools.iter().map(spec).collect()
    }

    /// Whether it holds a tool of that name.
    pub fn has(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name == name)
    }

    /// Calls a tool; the arguments are the model's.
    #[tracing::instrument(name = "execute_tool", skip_all, fields(gen_ai.operation.name = "execute_tool", gen_ai.tool.name = name))]
    pub async fn call(
        &self,
        name: &str,
        arguments: &Redacted,
        workspace: &Workspace,
    ) -> Result<Called, ToolError> {
        let Some(tool) = self.tools.iter().find(|tool| tool.name == name) else {
            let known = self
                .tools
                .iter()
                .map(|tool| tool.name)
                .collect::<Vec<_>>()
                .join(", ");
            return Err(ToolError::RespondToModel(format!(
                "there is no tool `{name}`; yours are: {known}"
            )));
        };
        let text = if arguments.as_str().trim().is_empty() {
            "{}"
        } else {
            arguments.as_str()
        };
        let arguments: Value = serde_json::from_str(text).map_err(|error| {
            ToolError::RespondToModel(format!("the arguments of {name} are not JSON: {error}"))
        })?;
        metrics::counter!("dogwatch_tool_calls_total", "tool" => tool.name).increment(1);
        (tool.run)(arguments, workspace).await
    }
}
