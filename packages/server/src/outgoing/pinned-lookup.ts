import { isIPv4, type LookupFunction } from 'node:net';

/**
 * A lookup that knows these addresses alone, whatever name it is asked for: a connection made with it goes to an address
 * that was checked, and tries the next if one does not answer.
 */
export function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const known = addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }));
  return (_host, options, callback) => {
    const wanted = typeof options.family === 'number' && options.family !== 0 ? options.family : undefined;
    const fitting = known.filter(({ family }) => wanted === undefined || family === wanted);
    const [first] = fitting;
    if (first === undefined) callback(new Error('no address of this family'), []);
    else if (options.all === true) callback(null, fitting);
    else callback(null, first.address, first.family);
  };
}
