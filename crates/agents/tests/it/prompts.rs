//! Prompts as the model sees them: snapshots, and the size of their fixed text.

use agents::{Agents, Role, prompt};

/// Fixed text per call: system prompt and tool schemas, in o200k tokens.
const ORCHESTRATOR_TOKENS: usize = 3000;
const DOMAIN_TOKENS: usize = 2500;

fn shown(agents: &Agents, name: &str) -> String {
    let agent = agents.get(name).expect("it is shipped");
    let mut text = prompt::system(agent, agents).expect("it renders").to_string();
    for spec in agent.specs() {
        text.push_str(&format!(
            "\n\n{}: {}\n{}",
            spec.name, spec.description, spec.parameters
        ));
    }
    text
}

#[test]
fn every_prompt_is_as_it_was_reviewed() {
    let agents = Agents::shipped().expect("the shipped agents are valid");
    for agent in agents.iter() {
        insta::assert_snapshot!(agent.name.clone(), shown(&agents, &agent.name));
    }
}

#[test]
fn fixed_text_keeps_to_its_size() {
    let agents = Agents::shipped().expect("the shipped agents are valid");
    for agent in agents.iter() {
        let system = prompt::system(agent, &agents).expect("it renders");
        let tokens = llm::count_tokens(system.as_str()) + llm::tools_tokens(&agent.specs());
        println!("{}: {tokens} tokens of fixed text", agent.name);
        let limit = match agent.role {
            Role::Orchestrator => ORCHESTRATOR_TOKENS,
            Role::Domain => DOMAIN_TOKENS,
            Role::Generalist => 2 * DOMAIN_TOKENS,
        };
        assert!(
            tokens <= limit,
            "{}: {tokens} tokens, at most {limit}",
            agent.name
        );
    }
}

#[test]
fn every_template_parses() {
    for template in prompt::templates() {
        prompt::check(&template).expect("it parses");
    }
}

#[test]
fn every_mechanism_is_handled_by_a_domain_agent() {
    let agents = Agents::shipped().expect("the shipped agents are valid");
    let handled: Vec<&str> = agents
        .iter()
        .filter(|agent| agent.role == Role::Domain)
        .flat_map(|agent| agents::mechanisms(&agent.handles))
        .collect();
    for mechanism in domain::mechanism::catalogue() {
        assert!(handled.contains(&mechanism.id), "{}", mechanism.id);
    }
}
