var order = JSON.parse(request.content);
