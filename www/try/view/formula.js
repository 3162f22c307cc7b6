/** Eq. 1 and 2 with the numbers of one block, in words and in MathML. */

import * as format from "../../shared/format.js";
import { terms } from "../inside/numbers.js";
import { make } from "../../shared/view/dom.js";

/** @typedef {import("../../shared/types.js").InspectedBlock} InspectedBlock */

/**
 * @param {InspectedBlock} block
 * @returns {HTMLElement[]} one for each step
 */
export function formulaOf(block) {
  const { count, survivors, weightSum, likeness, dim, temperature } = block;
  const { item, similarity, power, sum, weight, cut, isRenormalized } = terms(block);
  const one = String(item + 1);
  const exponent = (/** @type {string} */ index) => {
    const similarity = sub("s", mi(index));
    return temperature === 1 ? similarity : row(similarity, mo("/"), mn(String(temperature)));
  };
  const given = (/** @type {Element} */ left, /** @type {Element[]} */ ...middle) => [left, ...middle.flatMap((part) => [mo("="), part])];
  return [
    step(
      `Compare the query with every memory item: both are lists of ${dim} numbers, and their cosine is 1 where they point the same way. The most similar one here is item ${one}.`,
      math(...given(sub("s", mi("i")), cosine(mi("q"), sub("m", mi("i"))))),
      math(...given(sub("s", mn(one)), value("similarity", similarity))),
    ),
    step(
      temperature === 1
        ? "The addressing weight is its share of all: a softmax. Even a perfect match would get a small one, so the weights stay flat."
        : `The addressing weight is its share of all: a softmax, of the cosines divided by this model’s temperature of ${temperature}.`,
      math(...given(sub("w", mi("i")), fraction(powerOf(exponent("i")), row(total("j", String(count)), powerOf(exponent("j")))))),
      math(...given(sub("w", mn(one)), fraction(value("power", power), value("sum", sum, format.significant(sum, 5))), value("weight", weight), fraction(mn((weight * count).toFixed(2)), mi("N")))),
    ),
    step(
      `Items that weigh less than one equal share are dropped: the shrinkage. ${survivors} of ${count} stay${isRenormalized ? ", and their weights are brought to sum to one again" : "; their weights are left as they are, so they sum to less than one"}.`,
      math(sub("w", mi("i")), mo("←"), mn("0"), text("\u00a0where\u00a0"), sub("w", mi("i")), mo("<"), fraction(mn("1"), mi("N")), mo("="), value("cut", cut)),
      math(...given(row(total("i", String(count)), sub("w", mi("i"))), value("weight-sum", weightSum))),
    ),
    step(
      `The answer is the mixture of all ${survivors} that stay, each as much as it weighs. It takes the query’s place.`,
      math(...given(answer(), row(total("i", String(count)), sub("w", mi("i")), sub("m", mi("i"))))),
    ),
    step(
      "How like the query is what came back? A block that the memory knows gets near to 1.",
      math(...given(cosine(mi("q"), answer()), value("likeness", likeness))),
    ),
  ];
}

/**
 * @param {string} words
 * @param {...Element} formulas
 */
function step(words, ...formulas) {
  return make("li", {}, make("p", { textContent: words }), make("div", { className: "inside-math" }, ...formulas));
}

/**
 * @param {string} tag
 * @param {...(Node | string)} children
 */
function element(tag, ...children) {
  const made = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  made.append(...children);
  return made;
}

/** @param {...Element} children */
function math(...children) {
  const made = element("math", row(...children));
  made.setAttribute("displaystyle", "true");
  return made;
}

/** @param {...Element} children */
const row = (...children) => element("mrow", ...children);
/** @param {string} name */
const mi = (name) => element("mi", name);
/** @param {string} sign */
const mo = (sign) => element("mo", sign);
/** @param {string} number */
const mn = (number) => element("mn", number);
/** @param {string} words */
const text = (words) => element("mtext", words);
/** @param {string} name @param {Element} index */
const sub = (name, index) => element("msub", mi(name), index);
/** @param {Element} above @param {Element} below */
const fraction = (above, below) => element("mfrac", above, below);
/** @param {Element} exponent */
const powerOf = (exponent) => element("msup", mi("e"), exponent);
/** @param {string} index @param {string} last */
const total = (index, last) => element("munderover", mo("∑"), row(mi(index), mo("="), mn("1")), mn(last));

/** @param {Element} a @param {Element} b */
function cosine(a, b) {
  return row(mi("cos"), bracket("("), a, mo(","), b, bracket(")"));
}

/** A bracket that does not grow with its content. @param {string} sign */
function bracket(sign) {
  const made = mo(sign);
  made.setAttribute("stretchy", "false");
  return made;
}

/** q̂ */
function answer() {
  const made = element("mover", mi("q"), mo("^"));
  made.setAttribute("accent", "true");
  return made;
}

/**
 * A number of this block; its data attribute has full precision, which tests read.
 * @param {string} name
 * @param {number} number
 */
function value(name, number, shown = format.significant(number, 3)) {
  const made = mn(shown);
  made.dataset["term"] = name;
  made.dataset["value"] = String(number);
  return made;
}
