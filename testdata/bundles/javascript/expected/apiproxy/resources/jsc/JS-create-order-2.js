var id = context.getVariable('messageid');
context.setVariable('flow.id', id);
