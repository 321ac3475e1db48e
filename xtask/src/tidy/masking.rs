//! Blanks out comments, strings and character literals, so that braces and keywords in them do not count. Line
//! breaks stay where they are.

/// The characters of `source`, with everything that is not code replaced by spaces.
pub(super) fn mask(source: &str) -> Vec<char> {
    let code: Vec<char> = source.chars().collect();
    let mut masked = Vec::with_capacity(code.len());
    while masked.len() < code.len() {
        let at = masked.len();
        let length = literal_length(&code, at);
        if length == 0 {
            masked.push(code[at]);
            continue;
        }
        let end = code.len().min(at + length);
        masked.extend(code[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
    }
    masked
}

/// Number of characters of the comment or literal that starts at `at`; 0 when none does.
fn literal_length(code: &[char], at: usize) -> usize {
    let rest = &code[at..];
    match rest {
        ['/', '/', ..] => line_comment(rest),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => quoted(rest, '"'),
        ['\'', '\\', ..] => quoted(rest, '\''),
        ['\'', _, '\'', ..] => 3,
        ['r', ..] if !continues_word(code, at) => raw_string(rest, 1),
        ['b' | 'c', 'r', ..] if !continues_word(code, at) => raw_string(rest, 2),
        _ => 0,
    }
}

fn line_comment(rest: &[char]) -> usize {
    rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())
}

/// Block comments nest.
fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A raw string whose prefix has `prefix` characters; raw identifiers such as `r#type` are code.
fn raw_string(rest: &[char], prefix: usize) -> usize {
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let start = prefix + hashes + 1;
    if rest.get(prefix + hashes) != Some(&'"') {
        return 0;
    }
    let closing: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    let found = (start..rest.len()).find(|at| rest[*at..].starts_with(&closing));
    found.map_or(rest.len(), |at| at + closing.len())
}

/// True when the character before `at` belongs to the same word, as the `r` in `for`.
fn continues_word(code: &[char], at: usize) -> bool {
    at.checked_sub(1)
        .is_some_and(|before| code[before].is_alphanumeric() || code[before] == '_')
}
