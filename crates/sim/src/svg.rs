//! A trace for people: as a sequence diagram.

use std::collections::HashMap;
use std::fmt::Write;

use adieu_core::{Instant, Role};

use crate::story::{Act, Scene, scenes};
use crate::trace::Trace;

const WIDTH: usize = 1500;
const TOP: usize = 60;
const ROW: usize = 22;
/// Notes are cut behind so many characters; the whole of them is in a tooltip.
const NOTE_LEN: usize = 52;

const HEAD: &str = " marker-end=\"url(#head)\"";

const STYLE: &str = "text{font:12px ui-monospace,monospace;fill:#222;paint-order:stroke;stroke:#fff;stroke-width:3px}.time{fill:#888}.life{stroke:#999}\
.frame{stroke:#2457a7}.lost{stroke:#b3261e;stroke-dasharray:4 3}.cross{fill:#b3261e}.turn{fill:#7a3e00}\
.name{font-weight:bold;font-size:14px}";

/// Where the life line of a side is.
const fn column(role: Role) -> usize {
    match role {
        Role::Client => 500,
        Role::Server => 1000,
    }
}

impl Trace {
    /// The run as a sequence diagram: a self-contained SVG document. Time runs down; each row is one thing that happened.
    pub fn svg(&self) -> String {
        let scenes: Vec<_> = scenes(self).into_iter().filter(|scene| !is_told_twice(scene)).collect();
        let height = TOP + ROW * (scenes.len() + 1);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n\
             <style>{STYLE}</style>\n<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
             orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#2457a7\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        );
        for role in [Role::Client, Role::Server] {
            let (x, end) = (column(role), height - ROW / 2);
            let about = match self.setups.iter().any(|setup| setup.role == role) {
                true => "",
                false if self.of(role).next().is_some() => " (raw peer)",
                false => " (not recorded)",
            };
            let label = format!("{role:?}{about}");
            text(&mut svg, x, TOP - 30, "name", "middle", &label);
            line(&mut svg, "life", [x, TOP - 20], [x, end], "");
        }
        let rows = Rows::of(&scenes);
        for (row, scene) in scenes.iter().enumerate() {
            draw(&mut svg, &scenes, &rows, row, scene);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// What the application sends and gets is in the frames already.
fn is_told_twice(scene: &Scene) -> bool {
    let frames = ["send ", "message: ", "part: ", "fragment "];
    matches!(&scene.act, Act::Talk(words) if frames.iter().any(|start| words.starts_with(start)))
}

const fn height_of(row: usize) -> usize {
    TOP + ROW * row
}

/// What a row needs to know of the others.
struct Rows {
    /// Of a side that was not recorded, nothing is known but what the other one sent and received.
    alone: bool,
    /// Where the frames of a direction were received, by their numbers, and by who received them.
    received: HashMap<(Role, usize), usize>,
}

impl Rows {
    fn of(scenes: &[Scene]) -> Self {
        let alone = scenes.iter().all(|scene| scene.role == scenes[0].role);
        let mut received = HashMap::new();
        for (row, scene) in scenes.iter().enumerate() {
            if let Act::Received(index, _) = scene.act {
                received.entry((scene.role, index)).or_insert(row);
            }
        }
        Self { alone, received }
    }
}

fn draw(svg: &mut String, scenes: &[Scene], rows: &Rows, row: usize, scene: &Scene) {
    let (x, y) = (column(scene.role), height_of(row));
    let secs = scene.at.since(Instant::EPOCH).as_secs_f64();
    if row == 0 || scenes[row - 1].at != scene.at {
        text(svg, 8, y + 4, "time", "start", &format!("{secs:.6}"));
    }
    let (peer, anchor, label) = match scene.role {
        Role::Client => (Role::Server, "start", x + 10),
        Role::Server => (Role::Client, "end", x - 10),
    };
    let far = column(peer);
    match &scene.act {
        Act::Received(_, words) if rows.alone => {
            line(svg, "frame", [far, y], [x, y], HEAD);
            text(svg, label, y - 3, "", anchor, words);
        }
        Act::Received(..) => {}
        Act::Turn(words) => note(svg, scene.role, y, "turn", words),
        Act::Talk(words) => note(svg, scene.role, y, "talk", words),
        Act::Sent(index, words) => {
            let received = rows.received.get(&(peer, *index)).copied();
            if let Some(arrival) = received.or(rows.alone.then_some(row)) {
                line(svg, "frame", [x, y], [far, height_of(arrival)], HEAD);
            } else {
                let middle = x.midpoint(far);
                line(svg, "lost", [x, y], [middle, y + ROW / 2], "");
                text(svg, middle, y + ROW / 2 + 4, "cross", "middle", "✕");
            }
            text(svg, label, y - 3, "", anchor, words);
        }
    }
}

/// Words beside a life line.
fn note(svg: &mut String, role: Role, y: usize, class: &str, words: &str) {
    let (x, anchor) = match role {
        Role::Client => (column(role) - 10, "end"),
        Role::Server => (column(role) + 10, "start"),
    };
    text(svg, x, y + 4, class, anchor, words);
    let _infallible = writeln!(svg, "<circle cx=\"{}\" cy=\"{y}\" r=\"3\" class=\"{class}\"/>", column(role));
}

fn line(svg: &mut String, class: &str, [x1, y1]: [usize; 2], [x2, y2]: [usize; 2], more: &str) {
    let points = format!("x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"");
    let _infallible = writeln!(svg, "<line class=\"{class}\" {points}{more}/>");
}

fn text(svg: &mut String, x: usize, y: usize, class: &str, anchor: &str, words: &str) {
    let mut shown: String = words.chars().take(NOTE_LEN).collect();
    if shown.len() < words.len() {
        shown.push('…');
    }
    let (shown, whole) = (escape(&shown), escape(words));
    let place = format!("x=\"{x}\" y=\"{y}\" class=\"{class}\" text-anchor=\"{anchor}\"");
    let _infallible = writeln!(svg, "<text {place}>{shown}<title>{whole}</title></text>");
}

fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
