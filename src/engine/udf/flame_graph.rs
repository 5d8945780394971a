//! A flame graph of what functions took: a picture in which wider is longer, and what is called stands upon what calls it (B. Gregg, "The Flame Graph",
//! ACM Queue 14(2), 2016).
//!
//! ```text
//!   {time.sleep}
//!   f:2(f)
//!   function │ conversion │ transfer and waiting │ function
//!   f(x), line 1, position 8                     │ upper(name), line 2, position 3
//!   all calls
//! ```
//!
//! An SVG without a program in it, so that any viewer shows it: pointing at a frame shows its whole name and what it took.

use super::code_profile::CodeProfile;
use super::profile::UdfProfile;
use crate::text::{percent, seconds};

/// Sizes in pixels.
const WIDTH: f64 = 1200.0;
const FRAME_HEIGHT: usize = 18;
const TITLE_HEIGHT: usize = 28;
/// The width of a character, at most.
const CHARACTER_WIDTH: f64 = 7.0;
/// What is narrower is left out.
const LEAST_WIDTH: f64 = 0.5;

/// A frame: what it took, and what was called in it.
#[derive(Debug, Default, PartialEq)]
struct Frame {
    name: String,
    ns: u64,
    called: Vec<Self>,
}

/// The picture of what functions took, and of what ran in those in Python, as SVG; nothing if nothing was called.
pub fn flame_graph(profiles: &[UdfProfile], code: &[CodeProfile]) -> Option<String> {
    let mut root = Frame { name: "all calls".to_owned(), ..Frame::default() };
    for profile in profiles {
        let own = code.iter().find(|code| {
            (&code.function, code.place, &code.written) == (&profile.function, profile.place, &profile.written)
        });
        add_profile(&mut root, profile, own);
    }
    (root.ns > 0).then(|| drawn(&root))
}

/// Adds what a place took that calls a function.
fn add_profile(root: &mut Frame, profile: &UdfProfile, code: Option<&CodeProfile>) {
    let what = if profile.written.is_empty() { &profile.function } else { &profile.written };
    let caller = match profile.place {
        Some((line, position)) => format!("{what}, line {line}, position {position}"),
        None => what.clone(),
    };
    let mut rest = profile.function_ns;
    for (names, seconds) in code.map(CodeProfile::stacks).unwrap_or_default() {
        // The code's profiler has a clock of its own.
        let ns = ((seconds * 1e9) as u64).min(rest);
        rest -= ns;
        root.add([caller.as_str(), "function"].into_iter().chain(names.iter().map(String::as_str)), ns);
    }
    root.add([caller.as_str(), "function"].into_iter(), rest);
    root.add([caller.as_str(), "conversion"].into_iter(), profile.convert_ns);
    root.add([caller.as_str(), "transfer and waiting"].into_iter(), profile.transfer_ns());
}

impl Frame {
    /// Adds the time of a stack, the outermost name first.
    fn add<'a>(&mut self, names: impl Iterator<Item = &'a str>, ns: u64) {
        if ns == 0 {
            return;
        }
        self.ns += ns;
        let mut frame = self;
        for name in names {
            let place = frame.called.iter().position(|frame| frame.name == name).unwrap_or_else(|| {
                frame.called.push(Self { name: name.to_owned(), ..Self::default() });
                frame.called.len() - 1
            });
            frame = &mut frame.called[place];
            frame.ns += ns;
        }
    }

    fn depth(&self) -> usize {
        1 + self.called.iter().map(Self::depth).max().unwrap_or_default()
    }
}

fn drawn(root: &Frame) -> String {
    let height = TITLE_HEIGHT + root.depth() * FRAME_HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" font-size=\"11\">\n\
         <style>g:hover rect {{ stroke: #000 }}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"6\" y=\"18\" font-size=\"14\">Functions: time of all calls, summed over threads</text>\n"
    );
    draw(root, root, 0.0, height - FRAME_HEIGHT, &mut svg);
    svg + "</svg>\n"
}

/// A frame at its place, and what was called in it above.
fn draw(frame: &Frame, root: &Frame, left: f64, top: usize, svg: &mut String) {
    let share = frame.ns as f64 / root.ns as f64;
    let width = share * WIDTH;
    if width < LEAST_WIDTH {
        return;
    }
    let (name, took) = (escaped(&frame.name), seconds(frame.ns as f64 / 1e9));
    let fits = (width / CHARACTER_WIDTH) as usize;
    let label = match frame.name.chars().count() <= fits {
        true => name.clone(),
        false if fits >= 3 => escaped(&crate::text::shortened(&frame.name, fits)),
        false => String::new(),
    };
    *svg += &format!(
        "<g><title>{name}: {took}, {}</title><rect x=\"{left:.2}\" y=\"{top}\" width=\"{width:.2}\" height=\"{}\" fill=\"{}\"/>\
         <text x=\"{:.2}\" y=\"{}\">{label}</text></g>\n",
        percent(share),
        FRAME_HEIGHT - 1,
        colour(&frame.name),
        left + 3.0,
        top + 12
    );
    let mut left = left;
    for called in &frame.called {
        draw(called, root, left, top.saturating_sub(FRAME_HEIGHT), svg);
        left += called.ns as f64 / root.ns as f64 * WIDTH;
    }
}

/// A warm colour, the same for the same name; what is not in a function is grey.
fn colour(name: &str) -> String {
    if ["all calls", "conversion", "transfer and waiting"].contains(&name) {
        return "#ccc".to_owned();
    }
    let spread = name.bytes().fold(0_u32, |spread, byte| spread.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("hsl({}, 85%, {}%)", 15 + spread % 40, 62 + spread / 40 % 12)
}

/// A text in XML, where control characters have no place.
fn escaped(text: &str) -> String {
    let clean = text.replace(|c: char| c.is_control(), " ");
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn profile() -> UdfProfile {
        UdfProfile {
            function: "f".to_owned(),
            language: "python",
            place: Some((1, 8)),
            written: "f('<&')".to_owned(),
            statements: 1,
            calls: 1,
            batches: 1,
            rows: 1,
            total_ns: 100_000_000,
            statement_share: 0.5,
            function_ns: 70_000_000,
            convert_ns: 20_000_000,
            min_ns: 1,
            median_ns: 1,
            p99_ns: 1,
            nulls: 0,
            errors: 0,
        }
    }

    #[test]
    fn wider_is_longer() {
        let svg = flame_graph(&[profile()], &[]).expect("a picture");
        expect![[r##"
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 82" font-family="monospace" font-size="11">
            <style>g:hover rect { stroke: #000 }</style>
            <rect width="100%" height="100%" fill="#fff"/>
            <text x="6" y="18" font-size="14">Functions: time of all calls, summed over threads</text>
            <g><title>all calls: 0.10 s, 100%</title><rect x="0.00" y="64" width="1200.00" height="17" fill="#ccc"/><text x="3.00" y="76">all calls</text></g>
            <g><title>f('&lt;&amp;'), line 1, position 8: 0.10 s, 100%</title><rect x="0.00" y="46" width="1200.00" height="17" fill="hsl(22, 85%, 65%)"/><text x="3.00" y="58">f('&lt;&amp;'), line 1, position 8</text></g>
            <g><title>function: 70.0 ms, 70%</title><rect x="0.00" y="28" width="840.00" height="17" fill="hsl(47, 85%, 69%)"/><text x="3.00" y="40">function</text></g>
            <g><title>conversion: 20.0 ms, 20%</title><rect x="840.00" y="28" width="240.00" height="17" fill="#ccc"/><text x="843.00" y="40">conversion</text></g>
            <g><title>transfer and waiting: 10.0 ms, 10%</title><rect x="1080.00" y="28" width="120.00" height="17" fill="#ccc"/><text x="1083.00" y="40">transfer and wai…</text></g>
            </svg>
        "##]].assert_eq(&svg);
    }

    #[test]
    fn without_calls_there_is_none() {
        assert_eq!(flame_graph(&[], &[]), None);
        let never = UdfProfile { total_ns: 0, function_ns: 0, convert_ns: 0, ..profile() };
        assert_eq!(flame_graph(&[never], &[]), None);
    }

    #[test]
    fn frames_of_a_stack_stand_upon_each_other() {
        let mut root = Frame::default();
        root.add(["a", "b"].into_iter(), 5);
        root.add(["a"].into_iter(), 2);
        root.add(["c"].into_iter(), 0);
        let b = Frame { name: "b".to_owned(), ns: 5, called: Vec::new() };
        let a = Frame { name: "a".to_owned(), ns: 7, called: vec![b] };
        assert_eq!(root, Frame { name: String::new(), ns: 7, called: vec![a] });
        assert_eq!(root.depth(), 3);
    }
}
