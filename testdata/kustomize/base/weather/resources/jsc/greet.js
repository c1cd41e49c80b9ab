var name = context.getVariable("developer.app.name");
// What a careless substitution would spoil: ${name}, $$1, {{ .Values }}	, "on: yes" and trailing blanks   
context.setVariable("flow.tier", "gold-" + name);
