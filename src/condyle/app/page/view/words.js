// The viewer's part of the app's sentences.
import { words as all } from "../words.js";

export const words = all.view;
