//! The state graph as SVG.

use adieu_core::State;
use adieu_core::lifecycle::Phase;

use super::layout::{Edge, LINE, Layout, Node, TOP, Target, WIDTH, place};
use super::moves::Who;
use super::source_docs::{Item, doc, items};

const STYLE: &str = "\
text { font: 11px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #222 }
text.name { font: bold 14px system-ui, 'DejaVu Sans', sans-serif }
text.state { font: bold 15px system-ui, 'DejaVu Sans', sans-serif; letter-spacing: 3px; fill: #556 }
text.note { font-size: 12px; fill: #556 }
rect.box { fill: #fff; stroke: #444; stroke-width: 1.4 }
rect.frame { fill: none; stroke: #444; stroke-width: 1.2; stroke-dasharray: 5 4 }
path { fill: none; stroke: #333; stroke-width: 1.4; marker-end: url(#tip) }
path.server { stroke: #0b5cad } text.server { fill: #0b5cad }
path.client { stroke: #a2410b } text.client { fill: #a2410b }
";

const fn name(state: State) -> &'static str {
    match state {
        State::Connecting => "CONNECTING",
        State::Open => "OPEN",
        State::Closing => "CLOSING",
        State::Closed => "CLOSED",
    }
}

const fn shade(state: State) -> &'static str {
    match state {
        State::Connecting => "#f1f3f7",
        State::Open => "#e6f4e8",
        State::Closing => "#fdf1dc",
        State::Closed => "#eceaf2",
    }
}

const fn class(who: Who) -> &'static str {
    match who {
        Who::Both => "both",
        Who::Server => "server",
        Who::Client => "client",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn text(x: i32, y: i32, class: &str, words: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>\n", escaped(words))
}

/// The stripe of a state: the layers of its phases.
fn stripe(state: State, layout: &Layout) -> String {
    let layers = Phase::ALL.into_iter().filter(|phase| phase.state() == state).map(|phase| place(phase).0);
    let (first, last) = (layers.clone().min().unwrap_or(0), layers.max().unwrap_or(0));
    let top = if first == 0 { TOP } else { layout.ends[first - 1] - 8 };
    let (height, middle) = (layout.ends[last] - 8 - top, i32::midpoint(top, layout.ends[last] - 8));
    let (fill, width) = (shade(state), WIDTH - 20);
    format!(
        "<rect x=\"10\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>\n\
         <text class=\"state\" text-anchor=\"middle\" transform=\"translate(34 {middle}) rotate(-90)\">{}</text>\n",
        name(state)
    )
}

fn node(node: &Node, docs: &[Item]) -> String {
    let Node { left, right, top, bottom, .. } = *node;
    let (width, height) = (right - left, bottom - top);
    let rect = |class: &str, title: &str| {
        format!(
            "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"5\">\
             <title>{}</title></rect>\n",
            escaped(title)
        )
    };
    let Target::Phase(phase) = node.target else {
        return rect("frame", &node.lines[0]) + &text(left + 10, top + 16, "note", &node.lines[0]);
    };
    let name = format!("{phase:?}");
    let mut out = rect("box", doc(docs, &name)) + &text(left + 8, top + 18, "name", &name);
    for (at, line) in node.lines.iter().enumerate() {
        out.push_str(&text(left + 8, top + 32 + at as i32 * LINE, "exit", line));
    }
    out
}

fn edge(edge: &Edge) -> String {
    let corners: Vec<_> = edge.path.iter().map(|(x, y)| format!("{x} {y}")).collect();
    let class = class(edge.who);
    let mut out = format!("<path class=\"{class}\" d=\"M{}\"/>\n", corners.join(" L"));
    let (left, _, top, _) = edge.label_area();
    for (at, line) in edge.label.iter().enumerate() {
        out.push_str(&text(left, top + 10 + at as i32 * LINE, class, line));
    }
    out
}

/// The state graph: `docs/close-semantics.svg`.
pub fn svg() -> String {
    let layout = Layout::new();
    let docs = items("lifecycle.rs", "pub enum Phase");
    let height = layout.ends.last().copied().unwrap_or(0) + 12;
    let states = [State::Connecting, State::Open, State::Closing, State::Closed];
    let stripes: String = states.into_iter().map(|state| stripe(state, &layout)).collect();
    let edges: String = layout.edges.iter().map(edge).collect();
    let nodes: String = layout.nodes.iter().map(|each| node(each, &docs)).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n\
         <title>The phases of a connection and what leads from one to another</title>\n<style>\n{STYLE}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0 L8 4 L0 8 z\" style=\"fill:#333;stroke:none;marker-end:none\"/></marker></defs>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n{stripes}{nodes}{edges}</svg>\n"
    )
}
