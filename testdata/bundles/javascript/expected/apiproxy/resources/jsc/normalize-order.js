var order = JSON.parse(context.getVariable('request.content') || '{}');
order.currency = currency(order, properties.currency);
context.setVariable('request.content', JSON.stringify(order));
