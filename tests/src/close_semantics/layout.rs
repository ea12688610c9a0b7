//! Where everything of the state graph stands: boxes in layers from top to bottom, lines that only go down and across.
//!
//! A phase has a place by hand ([`place`]): its layer, and the bands of the page that it spans. All else follows: a line leaves the
//! bottom of its box, changes its band in the channel below, if it has to, and goes down to the top of the next box. The
//! bands are such that nothing is in its way, which a test holds.

use adieu_core::lifecycle::{Input, Phase};

use super::moves::{Move, Who, moves, whose};

/// The bands, from left to right: where each begins and ends.
const BANDS: [(i32, i32); 7] =
    [(50, 190), (214, 660), (684, 834), (858, 998), (1022, 1172), (1196, 1336), (1360, 1506)];
pub(super) const WIDTH: i32 = 1556;
pub(super) const TOP: i32 = 20;
/// Height of a line of text, and width of one of its characters.
pub(super) const LINE: i32 = 14;
pub(super) const CHAR: i32 = 7;
const LAYERS: usize = 9;
const LANE: i32 = 9;

/// What a line can lead to: a phase, or what is after the last word: `Draining` for a server, `AwaitingEnd` for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Phase(Phase),
    Farewell,
}

/// A rectangle with words in it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) target: Target,
    pub(super) layer: usize,
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
    /// Below its name.
    pub(super) lines: Vec<String>,
}

/// A line with the inputs that it stands for.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) from: Phase,
    pub(super) to: Target,
    pub(super) who: Who,
    pub(super) label: Vec<String>,
    /// Its corners, from the bottom of one box to the top of the other.
    pub(super) path: Vec<(i32, i32)>,
}

impl Edge {
    fn width(&self) -> i32 {
        self.label.iter().map(|line| line.chars().count() as i32 * CHAR).max().unwrap_or(0)
    }

    /// The rectangle of its label: left, right, top, bottom.
    pub(super) fn label_area(&self) -> (i32, i32, i32, i32) {
        let (x, begin) = self.path[0];
        // Below the frame that the two stand in.
        let inside = matches!(self.from, Phase::Draining | Phase::AwaitingEnd);
        let y = if inside { begin + 14 } else { begin };
        (x + 5, x + 5 + self.width(), y + 4, y + 4 + self.label.len() as i32 * LINE)
    }
}

/// The whole picture.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    /// Where each layer's channel ends, and the next layer begins.
    pub(super) ends: Vec<i32>,
}

/// The layer of a phase, and the first and the last of its bands.
pub(super) const fn place(phase: Phase) -> (usize, usize, usize) {
    match phase {
        Phase::Connecting => (0, 0, 1),
        Phase::Refusing => (1, 0, 0),
        Phase::Open => (2, 1, 6),
        Phase::CloseNoted => (3, 3, 3),
        Phase::FaultNoted => (3, 5, 5),
        Phase::CloseQueued => (4, 1, 1),
        Phase::CloseSent => (5, 1, 1),
        Phase::Answering => (6, 2, 2),
        Phase::Failing => (6, 4, 4),
        Phase::Severed => (6, 6, 6),
        Phase::Draining => (7, 0, 2),
        Phase::AwaitingEnd => (7, 3, 4),
        Phase::Done => (8, 1, 6),
        Phase::Cut => (8, 0, 0),
    }
}

/// An end that is left to words: from nearly everywhere, the transport can be given up.
pub(super) fn in_words(way: &Move) -> bool {
    let others = moves(way.from).iter().any(|other| !matches!(other.to, Phase::Done | Phase::Cut));
    way.to == Phase::Cut || (way.to == Phase::Done && others)
}

fn target(to: Phase) -> Target {
    if matches!(to, Phase::Draining | Phase::AwaitingEnd) { Target::Farewell } else { Target::Phase(to) }
}

pub(super) fn list(inputs: &[Input]) -> String {
    inputs.iter().map(|input| format!("{input:?}")).collect::<Vec<_>>().join(", ")
}

/// Breaks at blanks.
fn wrapped(text: &str, chars: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= chars => line.push_str(&format!(" {word}")),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn node(phase: Phase) -> Node {
    let (layer, first, last) = place(phase);
    let inside = matches!(phase, Phase::Draining | Phase::AwaitingEnd);
    let inset = if inside { 10 } else { 0 };
    let (left, right) = (BANDS[first].0 + inset, BANDS[last].1 - inset);
    let chars = (right - left - 14) / CHAR;
    let mut lines: Vec<String> = whose(phase).only().map(|role| format!("{role} only")).into_iter().collect();
    if phase == Phase::Cut {
        lines.extend(wrapped("from where it is named", chars as usize));
    }
    for way in moves(phase).iter().filter(|way| in_words(way)) {
        let who = way.who.only().map_or(String::new(), |role| format!("{role}: "));
        lines.extend(wrapped(&format!("→ {:?}: {who}{}", way.to, list(&way.inputs)), chars as usize));
    }
    Node { target: Target::Phase(phase), layer, left, right, top: 0, bottom: 0, lines }
}

/// A move of a server to `Draining` and one of a client to `AwaitingEnd` by the same inputs are one line.
fn edges() -> Vec<Edge> {
    let mut found: Vec<(Phase, Target, Who, Vec<Input>)> = Vec::new();
    for way in Phase::ALL.into_iter().flat_map(moves).filter(|way| !in_words(way)) {
        let to = target(way.to);
        let twin = found.iter_mut().find(|(from, other, _, inputs)| {
            to == Target::Farewell && (*from, *other) == (way.from, to) && *inputs == way.inputs
        });
        match twin {
            Some(twin) => twin.2 = Who::Both,
            None => found.push((way.from, to, way.who, way.inputs)),
        }
    }
    let edge = |(from, to, who, inputs): (Phase, Target, Who, Vec<Input>)| {
        let mut label: Vec<_> = inputs.iter().map(|input| format!("{input:?}")).collect();
        label.extend(who.only().map(|role| format!("({role})")));
        Edge { from, to, who, label, path: Vec::new() }
    };
    found.into_iter().map(edge).collect()
}

impl Layout {
    pub(super) fn new() -> Self {
        let mut nodes: Vec<Node> = Phase::ALL.into_iter().map(node).collect();
        let (left, right) = (BANDS[0].0, BANDS[4].1);
        let lines = vec!["all is said and written: a server drains, a client awaits the end".to_owned()];
        nodes.push(Node { target: Target::Farewell, layer: 7, left, right, top: 0, bottom: 0, lines });
        let mut layout = Self { nodes, edges: edges(), ends: Vec::new() };
        let ports = layout.ports();
        let lanes = layout.lanes(&ports);
        layout.stack(&lanes);
        layout.draw(&ports, &lanes);
        layout
    }

    pub(super) fn node(&self, target: Target) -> &Node {
        self.nodes.iter().find(|node| node.target == target).expect("every target has a box")
    }

    fn source(&self, edge: &Edge) -> &Node {
        self.node(Target::Phase(edge.from))
    }

    /// Where each line leaves its box, and where it enters the other.
    fn ports(&self) -> Vec<(i32, i32)> {
        let entries: Vec<Option<i32>> = self.edges.iter().map(|edge| self.entry(edge)).collect();
        let mut ports = Vec::new();
        for (edge, entry) in self.edges.iter().zip(&entries) {
            let (from, to) = (self.source(edge), self.node(edge.to));
            let Some(entry) = *entry else {
                let (left, right) = (from.left.max(to.left), from.right.min(to.right));
                let alone = self.edges.iter().filter(|other| other.from == edge.from).count() == 1;
                let middle = i32::midpoint(left, right).min(right - edge.width() - 10);
                let x = if alone { middle } else { left + 40 };
                ports.push((x, x));
                continue;
            };
            let straight = (from.left..from.right).contains(&entry);
            ports.push((if straight { entry } else { self.exit(edge, &entries) }, entry));
        }
        ports
    }

    /// Where a line enters a box; `None` if the box is so wide that the line comes straight down.
    fn entry(&self, edge: &Edge) -> Option<i32> {
        let to = self.node(edge.to);
        if matches!(edge.to, Target::Farewell | Target::Phase(Phase::Open | Phase::Done)) {
            return None;
        }
        let mut coming: Vec<&Edge> = self.edges.iter().filter(|other| other.to == edge.to).collect();
        coming.sort_by_key(|edge| {
            let from = self.source(edge);
            (from.left + from.right, usize::MAX - from.layer)
        });
        let at = coming.iter().position(|other| other.from == edge.from)? as i32;
        let count = coming.len() as i32;
        let step = (to.right - to.left) / (count + 1);
        Some(if count == 1 && to.right - to.left > 300 { to.left + 40 } else { to.left + step * (at + 1) })
    }

    /// Where a line leaves its box whose end is beside it: from the side where it goes, the farthest first, room for labels between.
    fn exit(&self, edge: &Edge, entries: &[Option<i32>]) -> i32 {
        let from = self.source(edge);
        let all = self.edges.iter().zip(entries).filter(|(other, _)| other.from == edge.from);
        let mut ends: Vec<(i32, &Edge)> =
            all.filter_map(|(other, entry)| entry.map(|x| (x, other))).collect();
        ends.sort_by_key(|(x, _)| *x);
        let entry = ends.iter().find(|(_, other)| other.to == edge.to).map_or(0, |(x, _)| *x);
        if entry < from.left {
            let nearer = ends.iter().filter(|(x, _)| *x < entry);
            return from.left + 8 + nearer.map(|(_, other)| other.width() + 16).sum::<i32>();
        }
        let farther = ends.iter().filter(|(x, _)| *x >= entry);
        from.right - farther.map(|(_, other)| other.width() + 16).sum::<i32>() + 4
    }

    /// The lane of each line in the channel below its box, from the top; `None` if it goes straight down.
    fn lanes(&self, ports: &[(i32, i32)]) -> Vec<Option<i32>> {
        let mut lanes = vec![None; self.edges.len()];
        for layer in 0..LAYERS {
            let bends = |at: &usize| ports[*at].0 != ports[*at].1;
            let here = |at: &usize| self.source(&self.edges[*at]).layer == layer;
            let mut bent: Vec<usize> = (0..ports.len()).filter(|at| here(at) && bends(at)).collect();
            bent.sort_by_key(|at| {
                let (from, to) = ports[*at];
                if to < from { (0, from) } else { (1, -from) }
            });
            bent.iter().enumerate().for_each(|(lane, at)| lanes[*at] = Some(lane as i32));
        }
        lanes
    }

    /// Heights of boxes and channels, from top to bottom.
    fn stack(&mut self, lanes: &[Option<i32>]) {
        let mut y = TOP + 8;
        for layer in 0..LAYERS {
            let is_inner =
                |node: &Node| matches!(node.target, Target::Phase(Phase::Draining | Phase::AwaitingEnd));
            let lines =
                self.nodes.iter().filter(|node| node.layer == layer).map(|node| node.lines.len()).max();
            let height = 26 + lines.unwrap_or(0) as i32 * LINE;
            let frame = if layer == 7 { 24 } else { 0 };
            for node in self.nodes.iter_mut().filter(|node| node.layer == layer) {
                let inner = is_inner(node);
                node.top = if inner { y + frame } else { y };
                node.bottom = if inner { y + frame + height } else { y + height + 2 * frame - frame / 2 };
            }
            y += height + 2 * frame - frame / 2;
            let here: Vec<usize> =
                (0..self.edges.len()).filter(|at| self.source(&self.edges[*at]).layer == layer).collect();
            let label = here.iter().map(|at| self.edges[*at].label.len() as i32).max().unwrap_or(0);
            let lane = here.iter().filter_map(|at| lanes[*at]).max().map_or(0, |lane| lane + 1);
            y += if label == 0 { 8 } else { label * LINE + lane * LANE + 30 };
            self.ends.push(y);
        }
    }

    fn draw(&mut self, ports: &[(i32, i32)], lanes: &[Option<i32>]) {
        for at in 0..self.edges.len() {
            let edge = &self.edges[at];
            let (begin, end) = (self.source(edge).bottom, self.node(edge.to).top);
            let (from, to) = ports[at];
            let layer = self.source(edge).layer;
            let here = self.edges.iter().filter(|other| self.source(other).layer == layer);
            let label = here.map(|other| other.label.len() as i32).max().unwrap_or(0);
            let path = match lanes[at] {
                None => vec![(from, begin), (to, end)],
                Some(lane) => {
                    let y = begin + label * LINE + 12 + lane * LANE;
                    vec![(from, begin), (from, y), (to, y), (to, end)]
                }
            };
            self.edges[at].path = path;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Area = (i32, i32, i32, i32);

    const fn meet(a: Area, b: Area) -> bool {
        a.0 < b.1 && b.0 < a.1 && a.2 < b.3 && b.2 < a.3
    }

    fn segments(edge: &Edge) -> Vec<Area> {
        let area = |pair: &[(i32, i32)]| {
            let ((x, y), (u, v)) = (pair[0], pair[1]);
            (x.min(u), x.max(u) + 1, y.min(v), y.max(v) + 1)
        };
        edge.path.windows(2).map(area).collect()
    }

    #[test]
    fn no_line_goes_through_a_box_or_a_label_and_no_label_through_another() {
        let layout = Layout::new();
        let mut offences = Vec::new();
        for (at, edge) in layout.edges.iter().enumerate() {
            let about = |what: &str| format!("{:?} to {:?}: {what}", edge.from, edge.to);
            for node in &layout.nodes {
                // Inside its edge: a line may touch where it begins and ends.
                let area = (node.left, node.right, node.top + 2, node.bottom - 2);
                if segments(edge).iter().any(|line| meet(*line, area))
                    && edge.from != Phase::Draining
                    && edge.from != Phase::AwaitingEnd
                {
                    offences.push(about(&format!("through {:?}", node.target)));
                }
                if meet(edge.label_area(), area) && node.target != Target::Farewell {
                    offences.push(about(&format!("its label in {:?}", node.target)));
                }
            }
            for (_, other) in layout.edges.iter().enumerate().filter(|(other, _)| *other != at) {
                let label = other.label_area();
                if segments(edge).iter().any(|line| meet(*line, label)) || meet(edge.label_area(), label) {
                    offences.push(about(&format!("meets the label of {:?} to {:?}", other.from, other.to)));
                }
            }
            let (_, right, _, _) = edge.label_area();
            if right > WIDTH {
                offences.push(about("its label is cut off"));
            }
        }
        assert!(offences.is_empty(), "{}", offences.join("\n"));
    }

    #[test]
    fn every_line_ends_at_its_boxes_and_every_move_is_drawn_or_said() {
        let layout = Layout::new();
        for edge in &layout.edges {
            let (first, last) = (edge.path[0], edge.path[edge.path.len() - 1]);
            let (from, to) = (layout.source(edge), layout.node(edge.to));
            assert!(first.1 == from.bottom && (from.left..from.right).contains(&first.0), "{edge:?}");
            assert!(last.1 == to.top && (to.left..to.right).contains(&last.0), "{edge:?}");
        }
        for way in Phase::ALL.into_iter().flat_map(moves) {
            let drawn = layout.edges.iter().any(|edge| {
                let inputs = way.inputs.iter().all(|input| edge.label.contains(&format!("{input:?}")));
                (edge.from, edge.to) == (way.from, target(way.to)) && inputs
            });
            let words = layout.node(Target::Phase(way.from)).lines.join(" ");
            let said = words.contains(&format!("→ {:?}: ", way.to)) && words.contains(&list(&way.inputs));
            assert!(drawn != said, "{way:?}: drawn {drawn}, said {said}");
        }
    }
}
