context.setVariable('flow.count', one);
