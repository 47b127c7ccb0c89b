/** Three words and a number: about 52 bits, drawn from the browser's cryptographic source, easy to type. */
const SYLLABLES =
  "ba be bi bo bu da de di do du fa fe fi fo fu ga ge go gu ha he hi ho hu ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po pu ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo za ze zi zo zu".split(
    " ",
  );

function below(limit: number): number {
  const top = Math.floor(0x1_0000_0000 / limit) * limit;
  for (;;) {
    const [n] = crypto.getRandomValues(new Uint32Array(1));
    if (n !== undefined && n < top) return n % limit;
  }
}

const word = () => Array.from({ length: 3 }, () => SYLLABLES[below(SYLLABLES.length)]).join("");

export const makePassphrase = (): string => `${word()}-${word()}-${word()}-${10 + below(90)}`;
