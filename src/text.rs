//! Small texts that several layers write the same way: the nearest name, sizes, durations.

/// `; did you mean `x`?` for the candidate nearest to `word`, or nothing where none is near.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(word, candidates) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}

/// The candidate with the least Damerau-Levenshtein distance, if at most a third of the word differs; else the shortest one of
/// which the word is the last part, as `batch_size` is of `datafusion.execution.batch_size`.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let limit = (word.chars().count() / 3).max(1);
    let distances = candidates.iter().map(|name| (strsim::damerau_levenshtein(word, name), *name));
    let near = distances.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= limit);
    let ends_so = |name: &&&str| name.strip_suffix(word).is_some_and(|before| before.ends_with(['.', '-', '_']));
    near.map(|(_, name)| name).or_else(|| {
        let longer = candidates.iter().filter(ends_so).filter(|_| !word.is_empty());
        longer.min_by_key(|name| name.len()).copied()
    })
}

/// What several names begin with, up to an underscore: `ss_` of `ss_item_sk` and `ss_store_sk`. None if they have nothing in common, and
/// of one name.
pub fn prefix_of_all<'a>(names: &[&'a str]) -> Option<&'a str> {
    let (first, others) = names.split_first().filter(|(_, others)| !others.is_empty())?;
    let common = others.iter().fold(*first, |common, name| {
        let same = common.chars().zip(name.chars()).take_while(|(a, b)| a == b);
        &common[..same.map(|(a, _)| a.len_utf8()).sum()]
    });
    common.rfind('_').map(|end| &common[..=end])
}

/// The name of a signal that ends a process that did not ask for it.
pub fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => return None,
    })
}

/// The beginning of a text that has more characters.
pub fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some(_) => text.chars().take(characters - 1).collect::<String>() + "…",
        None => text.to_owned(),
    }
}

/// The text of an expression without the places of its columns: `i_item_sk@0` is `i_item_sk`.
pub fn without_column_indices(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let after = rest[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit());
        let is_index = after.len() < rest.len() - at - 1;
        out.push_str(&rest[..at + usize::from(!is_index)]);
        rest = if is_index { after } else { &rest[at + 1..] };
    }
    out + rest
}

/// A byte count in binary units with at most one decimal place: `512 B`, `1.5 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A share in per cent with as many decimal places as it needs, three at most: `2%`, `0.5%`.
pub fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A time or a difference of times: `3.14 s`, `-12.3 ms`.
pub fn seconds(value: f64) -> String {
    match value.abs() {
        size if size >= 10.0 => format!("{value:.1} s"),
        size if size >= 0.1 => format!("{value:.2} s"),
        _ => format!("{:.1} ms", value * 1e3),
    }
}

/// A time of any size, from nanoseconds on: `850 ns`, `12.3 µs`, `4.5 ms`, `1.02 s`.
pub fn nanoseconds(value: f64) -> String {
    match value {
        value if value < 999.5 => format!("{value:.0} ns"),
        value if value < 999_950.0 => format!("{:.1} µs", value / 1e3),
        value => seconds(value / 1e9),
    }
}

/// A whole number with a comma every three digits: `28,800,991`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_only_when_near() {
        let names = ["q14a", "q14b", "ss_max"];
        assert_eq!(nearest("q14c", names), Some("q14a"));
        assert_eq!(nearest("ssmax", names), Some("ss_max"));
        assert_eq!(nearest("elephant", names), None);
        assert_eq!(nearest("q1", []), None);
        let names = ["engine.sort.batch_size", "datafusion.execution.batch_size", "a.minibatch_size", "bytes-spilled"];
        assert_eq!(nearest("batch_size", names), Some("engine.sort.batch_size"));
        assert_eq!(nearest("spilled", names), Some("bytes-spilled"));
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn what_names_begin_with() {
        assert_eq!(prefix_of_all(&["ss_item", "ss_store", "ss_item_sk"]), Some("ss_"));
        assert_eq!([prefix_of_all(&["a"]), prefix_of_all(&["a", "b"]), prefix_of_all(&[])], [None; 3]);
        assert_eq!([prefix_of_all(&["a_b"]), prefix_of_all(&["a_b", "b_b"])], [None; 2]);
        assert_eq!(prefix_of_all(&["é", "è"]), None, "characters are not cut");
        assert_eq!(prefix_of_all(&["a_é", "a_è"]), Some("a_"));
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(28_800_991), "28,800,991");
        assert_eq!([0.02, 0.005, 0.2, 0.000_01].map(percent), ["2%", "0.5%", "20%", "0.001%"]);
        assert_eq!([12.34, 2.348, -0.25, 0.0123].map(seconds), ["12.3 s", "2.35 s", "-0.25 s", "12.3 ms"]);
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
    }
}
