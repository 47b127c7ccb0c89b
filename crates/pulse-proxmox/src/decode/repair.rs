//! Perl's `nan` and `inf` as bare words are no JSON; they become `null`.

/// The text with bare not-a-numbers replaced, or nothing if there were none.
pub(super) fn bare_numbers(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            let end = string_end(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if next.is_ascii_alphabetic() || next == '-' {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '+' | '.'))
                .unwrap_or(rest.len());
            let word = &rest[..end];
            if is_not_a_number(word) {
                out.push_str("null");
                changed = true;
            } else {
                out.push_str(word);
            }
            rest = &rest[end..];
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    changed.then_some(out)
}

fn is_not_a_number(word: &str) -> bool {
    let word = word.trim_start_matches('-');
    ["nan", "inf", "infinity"]
        .iter()
        .any(|bad| word.eq_ignore_ascii_case(bad))
}

/// Byte length of the string literal that `text` starts with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::bare_numbers;

    #[test]
    fn only_bare_words_are_replaced() {
        let check = |given: &str, expect: Option<&str>| {
            assert_eq!(bare_numbers(given).as_deref(), expect, "{given}");
        };
        check(
            r#"{"a":nan,"b":-inf,"c":NaN}"#,
            Some(r#"{"a":null,"b":null,"c":null}"#),
        );
        check(r#"{"nan":"x \" nan","b":1e-5,"c":true}"#, None);
        check(r#"{"é":"nan"#, None);
    }
}
