// What tests of users need besides client.js: accounts as promises, and puts signed by hand, to be tampered with.
'use strict';
module.exports = (gun, SEA) => {
  function call(run) {
    return new Promise((done, fail) => {
      const late = setTimeout(() => fail(new Error('SEA gave no answer')), 30000);
      run(ack => {
        clearTimeout(late);
        ack.err ? fail(new Error(ack.err)) : done(ack);
      });
    });
  }

  const sea = {
    async create(alias, word) {
      await call(done => gun.user().create(alias, word, done));
      return await sea.auth(alias, word);
    },

    async auth(alias, word) {
      await call(done => gun.user().auth(alias, word, done));
      return gun.user()._.sea;
    },

    // The message of one put.
    put(soul, key, value, state) {
      const node = { _: { '#': soul, '>': { [key]: state } }, [key]: value };
      return { '#': Math.random().toString(36).slice(2), put: { [soul]: node } };
    },

    // A value as a logged in user writes it: text with the value, the signature, and what else is given.
    async signed(pair, soul, key, value, state, more) {
      const signed = await SEA.sign({ '#': soul, '.': key, ':': value, '>': state }, pair, null, { raw: 1 });
      return JSON.stringify(Object.assign({ ':': value, '~': signed.s }, more));
    },
  };
  return sea;
};
