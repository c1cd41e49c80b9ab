//! The reference page on the order of steps.

use std::fmt::Write as _;

use super::{GENERATED, cell};
use crate::proxy::{self, StepPlace};

/// The parts of the page: the title, the place whose steps it lists, and additional text.
const PARTS: &[(&str, StepPlace, &str)] = &[
    ("On the request, for every call (`PreFlow`)", StepPlace::Request, ""),
    (
        "Then one operation (`Flows`)",
        StepPlace::Operation,
        "Apigee runs only the first flow whose condition matches. Operations are therefore ordered from the most specific path \
         to the least: text before `*`, `*` before `**`. Two operations that match the same requests are an error. With an \
         OpenAPI document and `unknownOperations: reject`, the default, a last flow without a condition responds with 404 to every other \
         request. The steps of an operation run after the validation; its cache is looked up after its steps on the request, and filled \
         after its steps on the response.",
    ),
    ("On the response, for every call (`PostFlow`)", StepPlace::Response, ""),
    (
        "On errors (`FaultRules`, `DefaultFaultRule`)",
        StepPlace::Fault,
        "Apigee tries the rules of the endpoint where the call fails: those of the TargetEndpoint for an error response of the \
         backend, a timeout or a step of the target, those of the ProxyEndpoint for all other errors. Therefore both endpoints have the same rules. Rules of a \
         ProxyEndpoint are tried from the last to the first, those of a TargetEndpoint from the first to the last; they are written so that \
         the rules of a spec are tried in the order of the spec. The default rule runs for every fault (`AlwaysEnforce`). None of its steps \
         raises a fault.",
    ),
    ("After the response is sent (`PostClientFlow`)", StepPlace::PostClient, ""),
];

/// The order of steps, and the reasons for it.
pub fn order() -> String {
    let mut page = format!(
        "{GENERATED}\n# Order of steps\n\nApigee runs the steps of a flow in the order of the file, and apigeelint accepts any order. apigee-flux always writes the steps in the order below, whatever the order of the fields in a spec. Each place has a \
         reason. The order is defined in one list, `FEATURES` in `crates/function/src/proxy/resolve/mod.rs`, from which this page is generated.\n"
    );
    for (title, place, text) in PARTS {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {title}\n");
        if !text.is_empty() {
            let _ = write!(page, "\n{text}\n");
        }
        page.push_str("\n| | step | reason |\n|---|---|---|\n");
        let here = proxy::order().filter(|ordered| ordered.places.contains(place));
        for (index, ordered) in here.enumerate() {
            let _ = writeln!(page, "| {} | {} | {} |", index + 1, cell(ordered.what), cell(ordered.why));
        }
    }
    page.push_str(
        "\n## Routes (`RouteRule`)\n\nRoutes are tried in the order of the spec. The route without a condition is the last one; there is always one. The last \
         step on the request (PostFlow) is a SetIntegrationRequest for a route to an integration.\n",
    );
    page
}
