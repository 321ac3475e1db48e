//! The configuration from values: precedence, every mistake named, no secret repeated.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use super::*;

fn env(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dogwatch-config-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

fn problem(text: &str, name: &str) -> String {
    let path = file(name, text);
    let error = Config::load(Some(&path), &Environment::new()).unwrap_err();
    std::fs::remove_file(path).unwrap();
    error.to_string()
}

#[test]
fn without_anything_the_defaults_hold() {
    let config = Config::load(None, &Environment::new()).unwrap();
    assert_eq!(config.server.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database.url, "sqlite:dogwatch.db");
    assert_eq!(config.agents.settings(), ::agents::Settings::default());
    assert!(config.model.settings().is_none());
}

#[test]
fn the_environment_wins_over_the_file() {
    let path = file(
        "precedence.yaml",
        "model: {url: 'http://a.test/v1', name: small, key_file: /nowhere}\nagents:\n  max_tokens: 5\n",
    );
    let given = env(&[
        ("DOGWATCH_CONFIG", path.to_str().unwrap()),
        ("DOGWATCH_MODEL", "large"),
        ("DOGWATCH_MODEL_KEY", "sesame"),
        ("DOGWATCH_PATIENCE", "2.5"),
        ("DOGWATCH_METRICS_URL", ""),
    ]);
    let config = Config::load(None, &given).unwrap();
    std::fs::remove_file(path).unwrap();
    let settings = config.model.settings().unwrap();
    assert_eq!(settings.base_url, "http://a.test/v1");
    assert_eq!(settings.model_of("default"), "large");
    assert_eq!(settings.key.unwrap().expose_secret(), "sesame");
    assert_eq!(config.agents.max_tokens, 5);
    assert_eq!(config.agents.patience, 2.5);
    assert_eq!(config.cluster.metrics_url, None);
}

#[test]
fn a_comment_alone_is_an_empty_configuration() {
    let path = file("comment.yaml", "# nothing yet\n\n");
    Config::load(Some(&path), &Environment::new()).unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = "modle: {}\nmodel:\n  temprature: 1\n  retries: many\nserver:\n  addr: nowhere\n";
    let problem = problem(text, "mistakes.yaml");
    for part in ["`modle`", "model.temprature", "model.retries", "server.addr"] {
        assert!(problem.contains(part), "{part} in {problem}");
    }
}

#[test]
fn a_secret_of_the_wrong_type_is_not_repeated() {
    let problem = problem("server:\n  webhook_secret: 918273645\n", "secret.yaml");
    assert!(problem.contains("server.webhook_secret"), "{problem}");
    assert!(!problem.contains("918273645"), "{problem}");
}

#[test]
fn a_variable_that_does_not_fit_is_named() {
    let error = Config::load(None, &env(&[("DOGWATCH_ADDR", "here")])).unwrap_err();
    assert!(error.to_string().contains("DOGWATCH_ADDR"), "{error}");
}

#[test]
fn half_a_model_is_a_mistake() {
    let error = Config::load(None, &env(&[("DOGWATCH_MODEL", "large")])).unwrap_err();
    assert!(error.to_string().contains("model.url"), "{error}");
}

#[test]
fn a_token_of_the_environment_is_kept_as_its_hash() {
    let config = Config::load(None, &env(&[("DOGWATCH_TOKEN", "abc")])).unwrap();
    // `printf abc | sha256sum`
    assert_eq!(
        config.server.tokens[0].sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}
