//! `faults`.

use super::context::Context;
use super::endpoint::Draft;
use crate::policy::assign_message::{Action, AssignMessage};
use crate::policy::raise_fault::MESSAGE_VARIABLE;
use crate::spec::faults::Faults;

/// Adds the body of errors. `AssignMessage` and not `RaiseFault`: that would start a fault anew inside the rule, and the
/// status code that the caller should see would be lost.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    match draft.intent.faults {
        Faults::None => {}
        Faults::Json => {
            let template = |name: &str, template: String| Action::AssignTemplate { name: name.to_owned(), template };
            // Names and messages of faults may quote what the caller sent: `escapeJSON` keeps them inside their strings.
            let payload = r#"{"error":{"code":"{escapeJSON(flow.fault.code)}","message":"{escapeJSON(flow.fault.text)}","requestId":"{messageid}"}}"#;
            let policy = AssignMessage {
                actions: vec![
                    template("flow.fault.code", "{firstnonnull(fault.name,'Unknown')}".to_owned()),
                    template("flow.fault.text", format!("{{firstnonnull({MESSAGE_VARIABLE},error.message,'Error')}}")),
                    Action::SetPayload { content_type: "application/json".to_owned(), payload: payload.to_owned() },
                ],
            };
            let at = crate::diag::FieldPath::of(&["spec", "faults"]);
            draft.endpoint.default_fault_rule.push(context.add("AM-FaultJson", &policy, &at));
        }
    }
}
