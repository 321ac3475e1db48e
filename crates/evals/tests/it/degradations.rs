//! Seeing less makes answers less certain, never wrong: random degradations of random scenarios, in four shares so that
//! they run side by side.

use evals::degrade;

/// Degradations in all shares together.
const COUNT: u64 = 500;
const SHARES: u64 = 4;

async fn share(index: u64) {
    let scenarios = super::golden::scenarios();
    let mut wrong = Vec::new();
    // Other degradations than CI's, to look for what those do not meet.
    let first: u64 = std::env::var("DOGWATCH_DEGRADATIONS_FROM")
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    for number in (first..first + COUNT).filter(|number| number % SHARES == index) {
        // 31 and the number of scenarios are mostly coprime, so that every scenario has its turn.
        let at = usize::try_from(number * 31 + 7).unwrap_or(0);
        let scenario = &scenarios[at % scenarios.len()];
        let degradations = degrade::choose(number);
        let seed = 1_000 + number % 10;
        match degrade::check(scenario, seed, &degradations).await {
            Ok(found) => wrong.extend(found),
            Err(error) => panic!("{} {degradations:?}: {error}", scenario.slug),
        }
    }
    assert!(wrong.is_empty(), "{} wrong answers\n{wrong:#?}", wrong.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn seeing_less_is_never_wrong_first_share() {
    share(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seeing_less_is_never_wrong_second_share() {
    share(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seeing_less_is_never_wrong_third_share() {
    share(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seeing_less_is_never_wrong_fourth_share() {
    share(3).await;
}
