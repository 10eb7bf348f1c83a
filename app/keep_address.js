// The question stands in the address, so that a reload or a bookmark asks it again.
(question) => {
  const address = new URL(window.location);
  address.searchParams.delete('letter');
  address.searchParams.delete('item');
  if (question) address.searchParams.set('q', question); else address.searchParams.delete('q');
  window.history.replaceState(null, '', address);
}
