//! Ages against the table of apimachinery's own test of `HumanDuration`.

use super::human;

#[test]
fn ages_have_at_most_two_units() {
    let (minute, hour, day) = (60, 3600, 86_400);
    let cases = [
        (-2, "<invalid>"),
        (-1, "0s"),
        (1, "1s"),
        (70, "70s"),
        (190, "3m10s"),
        (3 * minute, "3m"),
        (70 * minute, "70m"),
        (3 * hour + 10 * minute, "3h10m"),
        (47 * hour, "47h"),
        (49 * hour, "2d1h"),
        (70 * hour, "2d22h"),
        (9 * day, "9d"),
        (410 * day, "410d"),
        (3 * 365 * day + 15 * day, "3y15d"),
        (9 * 365 * day, "9y"),
    ];
    for (seconds, wanted) in cases {
        assert_eq!(human(seconds), wanted, "{seconds}s");
    }
}
