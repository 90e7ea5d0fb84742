// Passkeys. What has `data-passkeys` is shown where the browser knows passkeys. A form with `data-passkey` asks the
// browser for one before it is sent, and carries what the browser says. Nothing is fetched, and nothing is kept.
'use strict';

(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const began = Date.now();

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''))
      .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

  /** The options, as the browser takes them: with bytes. */
  const options = ({ challenge, user, allowCredentials, excludeCredentials, ...rest }) => ({
    ...rest,
    challenge: bytes(challenge),
    ...(user && { user: { ...user, id: bytes(user.id) } }),
    ...(allowCredentials && { allowCredentials: allowCredentials.map((it) => ({ ...it, id: bytes(it.id) })) }),
    ...(excludeCredentials && { excludeCredentials: excludeCredentials.map((it) => ({ ...it, id: bytes(it.id) })) }),
  });

  /** What the browser says, as the server takes it: as text. */
  const answer = ({ rawId, type, response }) => {
    const parts = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
    const given = parts.filter((part) => response[part]).map((part) => [part, text(response[part])]);
    return JSON.stringify({ id: text(rawId), type, response: Object.fromEntries(given) });
  };

  const why = ({ name }) => {
    if (name === 'InvalidStateError') return 'This device has a passkey of yours already.';
    if (name === 'NotAllowedError') return 'No passkey was used: it was cancelled, took too long, or there is none here.';
    return 'Your browser could not do this here. Try another browser or device.';
  };

  const ask = async (form) => {
    const { what, fresh, publicKey } = JSON.parse(form.dataset.passkey);
    const says = form.querySelector('[role=alert]');
    const button = form.querySelector('button');
    says.hidden = true;
    // The page was open for so long that the answer would come too late: sent without one, it comes back fresh.
    if (Date.now() - began > fresh * 1000) return form.submit();
    button.disabled = true;
    try {
      const credential = await navigator.credentials[what]({ publicKey: options(publicKey) });
      form.elements.credential.value = answer(credential);
      form.submit();
    } catch (error) {
      says.textContent = why(error);
      says.hidden = false;
      button.disabled = false;
    }
  };

  for (const hidden of document.querySelectorAll('[data-passkeys]')) hidden.hidden = false;
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      ask(form);
    });
  }
})();
