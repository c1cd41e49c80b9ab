//! The page about the order of steps.

use std::fmt::Write as _;

use super::{GENERATED, cell};
use crate::proxy::{self, Place};

/// The parts of the page: the title, the place whose steps it lists, and what else is to be said.
const PARTS: &[(&str, Place, &str)] = &[
    ("On the request, for every call (`PreFlow`)", Place::Request, ""),
    (
        "Then one operation (`Flows`)",
        Place::Operation,
        "Apigee runs the first flow whose condition holds, and no other. Operations are therefore ordered from the most specific path \
         to the least: text before `*`, `*` before `**`. Two operations that match the same requests are an error. With an \
         OpenAPI document and `unknownOperations: reject`, the default, a last flow without a condition answers 404 for everything \
         else. The steps of an operation run behind the validation; its cache is looked up behind those on the request, and filled \
         behind those on the response.",
    ),
    ("On the response, for every call (`PostFlow`)", Place::Response, ""),
    (
        "On errors (`FaultRules`, `DefaultFaultRule`)",
        Place::Fault,
        "Apigee tries the rules of the endpoint in which a call fails: those of the TargetEndpoint for an error response of the \
         backend, a timeout or a step of the target, those of the ProxyEndpoint for all else. So both have the same. Rules of a \
         ProxyEndpoint are tried from the last to the first, those of a TargetEndpoint from the first to the last; they are written \
         so that yours are tried in the order of the spec. The default rule runs for every fault (`AlwaysEnforce`). Nothing in it \
         raises a fault.",
    ),
    ("After the response has left (`PostClientFlow`)", Place::PostClient, ""),
];

/// What runs in which order, and why.
pub fn order() -> String {
    let mut page = format!(
        "{GENERATED}\n# Why this order\n\nApigee runs the steps of a flow in the order of the file, and its lint passes any order. What follows is the order that apigee-flux writes, whatever the order of the words in a spec, and the reason for each \
         place. The code has it in one list, `FEATURES` in `src/proxy/resolve/mod.rs`, from which this page is made.\n"
    );
    for (title, place, text) in PARTS {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {title}\n");
        if !text.is_empty() {
            let _ = write!(page, "\n{text}\n");
        }
        page.push_str("\n| | what runs | why there |\n|---|---|---|\n");
        let here = proxy::order().filter(|ordered| ordered.places.contains(place));
        for (index, ordered) in here.enumerate() {
            let _ = writeln!(page, "| {} | {} | {} |", index + 1, cell(ordered.what), cell(ordered.why));
        }
    }
    page.push_str(
        "\n## Routes (`RouteRule`)\n\nTried in the order written; the one without a condition comes last, and there is always one. The last \
         step of all on the request (PostFlow) is a SetIntegrationRequest for a route to an integration.\n",
    );
    page
}
