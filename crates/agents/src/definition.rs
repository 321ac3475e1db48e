//! Definitions of agents: YAML, checked against tools, mechanisms and each other.

use std::collections::BTreeMap;
use std::path::Path;

use domain::mechanism;
use llm::ToolSpec;
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use tools::Toolbox;

use crate::{endings, prompt, skills};

#[derive(RustEmbed)]
#[folder = "../../agents"]
#[include = "*.yaml"]
struct Shipped;

/// Which tool ends an agent's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Consults others and concludes.
    Orchestrator,
    /// Answers a question from its domain.
    Domain,
    /// Has all tools and concludes alone.
    Generalist,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentDefinition {
    /// Name; also the prefix of its streams.
    pub name: String,
    /// Which tool ends its run.
    pub role: Role,
    /// What others read when they choose whom to consult.
    pub description: String,
    /// Mechanism ids that it may name; a trailing `*` stands for any ending.
    pub handles: Vec<String>,
    /// Tools that it may call.
    pub tools: Vec<String>,
    /// Skills that it is reminded of when the brief's signals call for them: templates below `prompts/skills/`.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Agents that it may consult.
    #[serde(default)]
    pub may_consult: Vec<String>,
    /// Template of its system prompt, below `prompts/`.
    pub prompt: String,
    /// Alias of its model.
    pub model: String,
    /// Its limits.
    pub guardrails: Guardrails,
}

/// Limits of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrails {
    /// Model calls.
    pub max_turns: u32,
    /// Tool calls and consultations.
    pub max_tool_calls: u32,
    /// Prompt and completion tokens together.
    pub max_tokens: u64,
    /// Seconds of wall clock.
    pub deadline_s: u64,
}

/// What is wrong with a definition. The message is one sentence that names the file and the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("agent file {file}: {problem}")]
pub struct DefinitionError {
    /// File name.
    pub file: String,
    /// What is wrong.
    pub problem: String,
}

/// All agents by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Agents {
    by_name: BTreeMap<String, AgentDefinition>,
}

impl Agents {
    /// The agents that dogwatch ships.
    pub fn shipped() -> Result<Self, DefinitionError> {
        let files = Shipped::iter().filter_map(|name| Some((name.to_string(), Shipped::get(&name)?)));
        let files = files.map(|(name, file)| (name, String::from_utf8_lossy(&file.data).into_owned()));
        Self::load(files)
    }

    /// The agents of a folder instead of the shipped ones.
    pub fn from_folder(folder: &Path) -> Result<Self, DefinitionError> {
        let problem = |file: &Path, problem: String| DefinitionError {
            file: file.display().to_string(),
            problem,
        };
        let entries = std::fs::read_dir(folder).map_err(|error| problem(folder, error.to_string()))?;
        let mut files = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
            {
                let text =
                    std::fs::read_to_string(&path).map_err(|error| problem(&path, error.to_string()))?;
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                files.push((name, text));
            }
        }
        Self::load(files)
    }

    fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, DefinitionError> {
        let mut by_name = BTreeMap::new();
        for (file, text) in files {
            let definition = parse(&file, &text)?;
            by_name.insert(definition.name.clone(), definition);
        }
        let agents = Self { by_name };
        agents.check_references()?;
        Ok(agents)
    }

    fn check_references(&self) -> Result<(), DefinitionError> {
        for agent in self.by_name.values() {
            if let Some(unknown) = agent
                .may_consult
                .iter()
                .find(|name| !self.by_name.contains_key(*name))
            {
                return Err(agent.wrong(&format!("may_consult names `{unknown}`, which is no agent")));
            }
        }
        for needed in ["orchestrator", "generalist"] {
            if !self.by_name.contains_key(needed) {
                return Err(DefinitionError {
                    file: format!("{needed}.yaml"),
                    problem: "it is missing".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// An agent by name.
    pub fn get(&self, name: &str) -> Option<&AgentDefinition> {
        self.by_name.get(name)
    }

    /// All agents by name.
    pub fn iter(&self) -> impl Iterator<Item = &AgentDefinition> {
        self.by_name.values()
    }
}

fn parse(file: &str, text: &str) -> Result<AgentDefinition, DefinitionError> {
    let problem = |problem: String| DefinitionError {
        file: file.to_owned(),
        problem,
    };
    let agent: AgentDefinition =
        serde_saphyr::from_str(text).map_err(|error| problem(first_line(&error.to_string())))?;
    let stem = file.trim_end_matches(".yaml").trim_end_matches(".yml");
    if agent.name != stem {
        return Err(problem(format!(
            "name is `{}`, but the file says `{stem}`",
            agent.name
        )));
    }
    if let Err(unknown) = Toolbox::of(agent.tools.iter().map(String::as_str)) {
        return Err(problem(format!("tools names `{unknown}`, which is no tool")));
    }
    if let Some(unknown) = agent
        .handles
        .iter()
        .find(|pattern| mechanisms(std::slice::from_ref(pattern)).is_empty())
    {
        return Err(problem(format!(
            "handles names `{unknown}`, which fits no mechanism"
        )));
    }
    if let Some(unknown) = agent.skills.iter().find(|name| !skills::exists(name)) {
        return Err(problem(format!("skills names `{unknown}`, which is no skill")));
    }
    if agent.guardrails.max_turns == 0 {
        return Err(problem("guardrails.max_turns must be at least 1".to_owned()));
    }
    prompt::check(&agent.prompt).map_err(|error| problem(format!("prompt: {error}")))?;
    Ok(agent)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Catalogue ids that fit any of the patterns.
pub fn mechanisms(patterns: &[String]) -> Vec<&'static str> {
    mechanism::catalogue()
        .map(|entry| entry.id)
        .filter(|id| patterns.iter().any(|pattern| fits(pattern, id)))
        .collect()
}

/// Whether a mechanism id fits a pattern; a trailing `*` stands for any ending.
pub(crate) fn fits(pattern: &str, id: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(id == pattern, |prefix| id.starts_with(prefix))
}

impl AgentDefinition {
    fn wrong(&self, problem: &str) -> DefinitionError {
        DefinitionError {
            file: format!("{}.yaml", self.name),
            problem: problem.to_owned(),
        }
    }

    /// All that the model is told of its tools: its own, `consult` if it may, and the one that ends its run.
    pub fn specs(&self) -> Vec<ToolSpec> {
        let own = Toolbox::of(self.tools.iter().map(String::as_str)).unwrap_or_default();
        let consult = (!self.may_consult.is_empty()).then_some("consult");
        let extra = consult
            .into_iter()
            .chain([self.ending()])
            .filter_map(endings::spec);
        own.specs().into_iter().chain(extra).collect()
    }

    /// Name of the tool that ends its run.
    pub fn ending(&self) -> &'static str {
        match self.role {
            Role::Domain => "report_finding",
            Role::Orchestrator | Role::Generalist => "conclude",
        }
    }
}
