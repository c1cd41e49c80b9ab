function currency(order, fallback) {
  return (order.currency || fallback || 'EUR').toUpperCase();
}
