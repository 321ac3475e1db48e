//! Skills: how to tell look-alikes apart, per symptom; shown when the brief's signals call for them. Must not know
//! which agent asks.

use domain::Brief;

use crate::definition::fits;
use crate::prompt;

/// Most skills in one prompt.
const SHOWN: usize = 2;
/// Opens the first line of a skill: what it is for, as patterns of mechanisms and `detector:<name>`.
const WHEN: &str = "{#- when:";

/// Whether there is such a skill.
pub(crate) fn exists(name: &str) -> bool {
    prompt::source(&template(name)).is_some()
}

/// The templates of those of an agent's skills that the brief calls for, most called for first.
pub(crate) fn called_for(skills: &[String], brief: &Brief) -> Vec<String> {
    let mut ranked: Vec<(f64, String)> = skills
        .iter()
        .filter_map(|name| {
            let template = template(name);
            let weight = weight(&patterns(&prompt::source(&template)?), brief);
            (weight > 0.0).then_some((weight, template))
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.truncate(SHOWN);
    ranked.into_iter().map(|(_, template)| template).collect()
}

fn template(name: &str) -> String {
    format!("skills/{name}.md.j2")
}

/// The patterns of a skill's first line.
fn patterns(source: &str) -> Vec<String> {
    let first = source.lines().next().unwrap_or_default();
    let list = first
        .strip_prefix(WHEN)
        .unwrap_or_default()
        .trim_end_matches("-#}");
    list.split(',').map(|pattern| pattern.trim().to_owned()).collect()
}

/// How much a brief calls for a skill: by its best hypothesis, else by a symptom.
fn weight(patterns: &[String], brief: &Brief) -> f64 {
    let by_cause = brief
        .hypotheses
        .iter()
        .filter(|hypothesis| {
            patterns
                .iter()
                .any(|pattern| fits(pattern, hypothesis.mechanism.as_str()))
        })
        .map(|hypothesis| 1.0 + hypothesis.score)
        .fold(0.0, f64::max);
    let by_symptom = brief.signals.iter().any(|signal| {
        patterns
            .iter()
            .any(|pattern| pattern.strip_prefix("detector:") == Some(signal.detector.as_str()))
    });
    by_cause.max(if by_symptom { 0.5 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_skill_says_when_and_names_mechanisms_that_exist() {
        for name in prompt::templates()
            .iter()
            .filter(|name| name.starts_with("skills/"))
        {
            let patterns = patterns(&prompt::source(name).unwrap());
            assert!(patterns.len() > 1, "{name} has no when line");
            for pattern in patterns
                .iter()
                .filter(|pattern| !pattern.starts_with("detector:"))
            {
                let known = domain::mechanism::catalogue().any(|mechanism| fits(pattern, mechanism.id));
                assert!(known, "{name}: {pattern}");
            }
        }
    }
}
